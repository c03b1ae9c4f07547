"""What stands in a cell of the timeline: times, spans of time and outcomes as short texts. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cronwright.reasons import Outcome, Reason
from cronwright_cli.timeline.run import Run


@dataclass(frozen=True, slots=True)
class Look:
    """How an outcome looks: its symbol, the same in ASCII, and a colour of rich."""

    symbol: str
    ascii: str
    style: str


RUNNING = Look("●", "*", "cyan")
WAITING = Look("↻", "~", "yellow")
LOOKS: dict[str, Look] = {
    Outcome.SUCCEEDED: Look("✔", "+", "green"),
    Outcome.FAILED: Look("✘", "x", "bold red"),
    Outcome.SKIPPED: Look("⤼", "-", "yellow"),
    Outcome.MISSED: Look("○", "o", "yellow"),
    Outcome.UNKNOWN: Look("?", "?", "magenta"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How to show times, and from when running runs are measured."""

    zone: tzinfo
    now: datetime


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, its text for a run, the width that keeps lines aligned, and whether it is numbers."""

    heading: str
    text: Callable[[Run, Setting], str]
    width: int
    is_number: bool = False


def look_of(run: Run) -> Look:
    """Return how the run's outcome looks; one that this program doesn't know looks like an unknown one."""
    if run.outcome is None:
        return WAITING if run.state == "waiting" else RUNNING
    return LOOKS.get(run.outcome, LOOKS[Outcome.UNKNOWN])


def outcome_word(run: Run) -> str:
    """Return `succeeded`, `failed` and so on, with the number of a span's; while the run goes on `running`, or
    `waiting` for its next attempt.
    """
    word = run.outcome or run.state or "running"
    return word if run.count in (None, 1) else f"{run.count} {word}"


def clock_time(instant: datetime | None, setting: Setting) -> str:
    """Return the time of day, with the date where it is not today's."""
    if instant is None:
        return "-"
    local, today = instant.astimezone(setting.zone), setting.now.astimezone(setting.zone).date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M:%S")


def due(run: Run, setting: Setting) -> str:
    """Return when the run was due; of a span from when to when."""
    if run.last_at is None or run.last_at == run.scheduled_at:
        return clock_time(run.scheduled_at, setting)
    return f"{clock_time(run.scheduled_at, setting)}–{clock_time(run.last_at, setting)}"


def span(seconds: float) -> str:
    """Return a span of time of about three figures: 0.4s, 12s, 3m05s, 2h03m, 4d02h."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // smaller_size:02d}{smaller_unit}"
    return f"{whole}s"


def lateness(run: Run) -> str:
    """Return how long after its scheduled time the run started."""
    if run.scheduled_at is None or run.started_at is None:
        return "-"
    return f"+{span(max(0.0, (run.started_at - run.scheduled_at).total_seconds()))}"


def took(run: Run, now: datetime) -> str:
    """Return how long the run took, or has taken up to `now`."""
    if run.duration_ms is not None:
        return span(run.duration_ms / 1000)
    if run.started_at is None or run.is_over:
        return "-"
    return f"{span(max(timedelta(0), now - run.started_at) // timedelta(seconds=1))}…"


def reason(run: Run) -> str:
    """Return the reason, which an ordinary success doesn't need."""
    return "" if run.reason == Reason.COMPLETED else run.reason


def message(run: Run) -> str:
    """Return the message in one line."""
    return " ".join(run.message.split())


_MAIN = (
    Column("SCHEDULED", due, 9),
    Column("LATE", lambda run, setting: lateness(run), 6, is_number=True),
    Column("TOOK", lambda run, setting: took(run, setting.now), 6, is_number=True),
    Column("OUTCOME", lambda run, setting: outcome_word(run), 11),
    Column("REASON", lambda run, setting: reason(run), 14),
    Column("MESSAGE", lambda run, setting: message(run), 0),
)
_TASK = Column("TASK", lambda run, setting: run.task, 16)
_NAMESPACE = Column("NAMESPACE", lambda run, setting: run.namespace, 12)
_TRIGGER = Column("TRIGGER", lambda run, setting: run.trigger, 8)
_WIDE = (
    Column("ATTEMPT", lambda run, setting: str(run.attempt), 7, is_number=True),
    Column("ACTION", lambda run, setting: run.action_name or "-", 10),
    Column("AS", lambda run, setting: run.as_user_email or "-", 10),
    Column("ASKED BY", lambda run, setting: run.requested_by or "-", 10),
    Column("POD", lambda run, setting: run.pod or "-", 24),
    Column("NODE", lambda run, setting: run.node or "-", 10),
    Column("RUN", lambda run, setting: run.id, 36),
)


def columns(zone_name: str, with_namespace: bool, wide: bool) -> tuple[Column, ...]:
    """Return the columns in their order; the first says in which zone all times are."""
    time = Column(f"TIME ({zone_name})", lambda run, setting: clock_time(run.at, setting), 10)
    before = (_NAMESPACE, _TASK) if with_namespace else (_TASK,)
    *main, last = _MAIN
    return (time, *before, _TRIGGER, *main, *(_WIDE if wide else ()), last)
