"""The account of a Task's fire times: each is one run's or one full span's, whatever is claimed and in whatever order.

- A run comes first: it takes its fire time out of the full span that has it, and no claim gets it.
- What a reporter saw comes before what follows from absence, such as that a pod was late or lost; between two of a kind
  the first to arrive stands.
- What a claim gets extends a span that is alike and next to it.
- A sparse span is rows of runs that were merged among others, so nobody can say which fire times between its first and
  its last are its own. It stays as it is told. What follows from absence gives way to the whole stretch, since who
  merged the runs was there and tells the rest of it; what somebody saw gives way to its two ends.

Pure, with spans in and spans out: who keeps them is not decided here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from uuid import UUID

from cronwright.reasons import Reason
from cronwright.timeline.counting import Counted, counted, fire_times_between
from cronwright.timeline.span import Span


def claimed(stored: Sequence[Span], claim: Span, ran: Iterable[datetime]) -> list[Span]:
    """Return the spans of a Task after `claim`, given those before and the fire times that its runs have.

    `stored` and `ran` need hold only what lies from the fire time ahead of the claim to the one behind it.
    """
    fire_times = counted(claim.schedule, claim.time_zone)
    before, after = fire_times.preceding(claim.first_at), fire_times.following(claim.last_at)
    since, until = before or claim.first_at, after or claim.last_at
    near = [span for span in stored if span.last_at >= since and span.first_at <= until]
    changed = _with_full(near, claim, ran) if claim.is_full else _with_sparse(near, claim)
    return [*(span for span in stored if span.last_at < since or span.first_at > until), *changed]


def uncovered(claim: Span, ran: Iterable[datetime], stored: Iterable[Span]) -> list[Span]:
    """Return what is left of a full `claim`, in order: the stretches without the fire times in `ran` and those of
    `stored` spans.
    """
    fire_times = counted(claim.schedule, claim.time_zone)
    taken = [(at, at) for at in ran if claim.first_at <= at <= claim.last_at and fire_times.is_fire_time(at)]
    for span in stored:
        taken += _of(span, claim)
    pieces: list[Span] = []
    first = claim.first_at
    for since, until in sorted(taken):
        within = _within(fire_times, max(since, first), min(until, claim.last_at))
        if within is None:
            continue
        if within[0] > first:
            pieces.append(_part(claim, first, _there(fire_times.preceding(within[0]))))
        if within[1] == claim.last_at:
            return pieces
        first = _there(fire_times.following(within[1]))
    return [*pieces, _part(claim, first, claim.last_at)]


def joined(piece: Span, neighbours: Iterable[Span]) -> Span:
    """Return `piece` with those of its `neighbours` in it that are alike: of the same reason, message, pod and so on.

    A neighbour is a full span whose last fire time is the one ahead of the piece, or whose first is the one behind it.
    """
    alike = [piece, *(span for span in neighbours if _likeness(span) == _likeness(piece))]
    return _part(piece, min(span.first_at for span in alike), max(span.last_at for span in alike))


def without(span: Span, at: datetime) -> list[Span]:
    """Return what is left of `span` once there is a run for `at`: it, shrunken, in two, or nothing."""
    fire_times = counted(span.schedule, span.time_zone)
    if not span.first_at <= at <= span.last_at or not fire_times.is_fire_time(at) or not span.is_full:
        return [span]
    return _cut(span, at, at)


def _with_full(stored: Sequence[Span], claim: Span, ran: Iterable[datetime]) -> list[Span]:
    fire_times = counted(claim.schedule, claim.time_zone)
    kept = [part for span in stored for part in _yielding(span, claim)]
    spans = {span.id: span for span in kept}
    full = [span for span in kept if span.is_full]
    by_first, by_last = {span.first_at: span for span in full}, {span.last_at: span for span in full}
    for piece in uncovered(claim, ran, kept):
        before, after = fire_times.preceding(piece.first_at), fire_times.following(piece.last_at)
        beside = [by_last.get(before) if before else None, by_first.get(after) if after else None]
        whole = joined(piece, [span for span in beside if span])
        for span in filter(None, beside):
            if whole.first_at <= span.first_at <= whole.last_at:
                del spans[span.id]
        spans[whole.id] = by_first[whole.first_at] = by_last[whole.last_at] = whole
    return list(spans.values())


def _yielding(span: Span, claim: Span) -> list[Span]:
    """Return what is left of a stored `span` where a full `claim` comes before it."""
    grid = (span.schedule, span.time_zone)
    if _is_inferred(claim) or not (_is_inferred(span) and span.is_full and grid == (claim.schedule, claim.time_zone)):
        return [span]
    return _cut(span, claim.first_at, claim.last_at)


def _with_sparse(stored: Sequence[Span], claim: Span) -> list[Span]:
    spans: dict[UUID, Span] = {}
    for span in stored:
        spans |= {part.id: part for part in _around_sparse(span, claim)}
    # Merged on and posted again, since the first answer was lost: the larger one has the other in it
    known = spans.get(claim.id)
    if known is None or known.count < claim.count:
        spans[claim.id] = claim
    return list(spans.values())


def _around_sparse(span: Span, claim: Span) -> list[Span]:
    if not span.is_full:
        return [span]
    if _is_inferred(span):
        return _cut(span, claim.first_at, claim.last_at)
    return [part for half in _cut(span, claim.first_at, claim.first_at) for part in _cut(half, *[claim.last_at] * 2)]


def _of(span: Span, claim: Span) -> list[tuple[datetime, datetime]]:
    """Return the stretches of `span` that `claim` gives way to."""
    if span.last_at < claim.first_at or span.first_at > claim.last_at:
        return []
    if span.is_full or _is_inferred(claim):
        return [(span.first_at, span.last_at)]
    return [(span.first_at, span.first_at), (span.last_at, span.last_at)]


def _is_inferred(span: Span) -> bool:
    """Whether the span says what follows from absence, and not what its reporter saw at each fire time."""
    return span.reported_by == "operator" or span.reason is Reason.POD_LATE


def _cut(span: Span, first: datetime, last: datetime) -> list[Span]:
    """Return the parts of a full `span` outside of `first` to `last`."""
    fire_times = counted(span.schedule, span.time_zone)
    within = _within(fire_times, max(first, span.first_at), min(last, span.last_at))
    if within is None:
        return [span]
    parts = []
    if within[0] > span.first_at:
        parts.append(_part(span, span.first_at, _there(fire_times.preceding(within[0]))))
    if within[1] < span.last_at:
        parts.append(_part(span, _there(fire_times.following(within[1])), span.last_at))
    return parts


def _within(fire_times: Counted, since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
    """Return the first and the last fire time from `since` to `until`, None where there is none."""
    if since > until:
        return None
    first, last = fire_times.at_or_after(since), fire_times.at_or_before(until)
    return (first, last) if first is not None and last is not None and first <= last else None


def _part(span: Span, first: datetime, last: datetime) -> Span:
    count = fire_times_between(span.schedule, span.time_zone, first, last)
    return replace(span, first_at=first, last_at=last, count=count)


_OF_LIKENESS = tuple(field.name for field in fields(Span) if field.name not in ("first_at", "last_at", "count"))


def _likeness(span: Span) -> tuple[object, ...]:
    return tuple(getattr(span, name) for name in _OF_LIKENESS)


def _there(fire_time: datetime | None) -> datetime:
    assert fire_time is not None, "between two fire times of a schedule the next one is no further than the second"
    return fire_time
