"""The one run of a Job that a person made from a loop's CronJob.

Its pod starts a container that has failed once more (restartPolicy OnFailure), and the run must not be made twice: a
marker in the directory that outlives the container says how far it came.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from cronwright.instants import format_instant, parse_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright.reasons import Outcome, Reason
from cronwright_runner.account import Account
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import AttemptEnd
from cronwright_runner.poller import Poller
from cronwright_runner.processes import Processes
from cronwright_runner.run import Run
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals
from cronwright_runner.spool import replace

_MARKER = "manual-run"


def run_once(settings: Settings, assignment: Assignment, signals: Signals, poller: Poller, processes: Processes) -> int:
    """Make the run, or tell how it ended where it was begun before, and return 0: nobody is to try again."""
    marker = settings.loop_directory / _MARKER
    account = _MarkedAccount(Account(settings, assignment, signals, poller, processes), marker)
    if marker.exists():
        account.ended(*_ended_before(marker))
        return 0
    account.begins()
    Run(settings, assignment, signals, poller, processes, account).execute()
    return 0


class _MarkedAccount:
    """An account that notes how far the run came, before it tells anyone."""

    def __init__(self, account: Account, marker: Path) -> None:
        self._account, self._marker = account, marker

    def begins(self) -> None:
        """Note that the run is about to start."""
        self._note(1, None)

    def started(self, number: int, started_at: datetime) -> None:
        self._note(number, started_at)
        self._account.started(number, started_at)

    def goes_on(self, number: int, end: AttemptEnd, retry_at: datetime) -> None:
        self._note(number + 1, None)
        self._account.goes_on(number, end, retry_at)

    def ended(self, number: int, end: AttemptEnd) -> Outcome:
        replace(self._marker, json.dumps({"attempt": number, "end": _dump_end(end)}))
        return self._account.ended(number, end)

    def _note(self, number: int, started_at: datetime | None) -> None:
        fields = {"attempt": number, "startedAt": None if started_at is None else format_instant(started_at)}
        replace(self._marker, json.dumps(fields))


def _ended_before(marker: Path) -> tuple[int, AttemptEnd]:
    """Return how the run ended that an earlier container of this pod began, and with which attempt."""
    fields = json.loads(marker.read_text(encoding="utf-8"))
    if "end" in fields:
        return fields["attempt"], _load_end(fields["end"])
    message = f"the container ended during attempt {fields['attempt']}"
    now, started_at = datetime.now(UTC), _optional(fields["startedAt"])
    return fields["attempt"], AttemptEnd(Reason.RUNNER_CRASHED, message, now, started_at)


def _dump_end(end: AttemptEnd) -> dict[str, JSON]:
    return {
        **cast(dict[str, JSON], end._asdict()),
        "finished_at": format_instant(end.finished_at),
        "started_at": None if end.started_at is None else format_instant(end.started_at),
    }


def _load_end(fields: JSONObject) -> AttemptEnd:
    times = {name: _optional(cast("str | None", fields[name])) for name in ("finished_at", "started_at")}
    return AttemptEnd(**{**fields, **times, "reason": Reason(cast(str, fields["reason"]))})  # type: ignore[arg-type]


def _optional(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
