"""The order of steps that brings a loop's CronJob and the Jobs of its windows to their plan, or away from it.

Each look derives the steps that are due from what is there; nothing is remembered between two looks, and an operator
that stops after any one step leaves a state from which the next one finds the rest. What is written last is what says
where a change stands:

- *closed*: the CronJob has the new plan and its loop start, and is suspended. What ran before is told to end at that
  start, and its Jobs are waited for.
- *open*: the same, not suspended. With the lever one second before the opening of the window that is open at the loop
  start, the CronJob controller itself starts that window's Job, once.

A paused loop has a suspended CronJob without a loop start. Nothing fires between two steps: a closed CronJob fires
nothing, and the lever is set while it is closed. Which Job is of which generation of the plan, its own loop start says.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import LOOP_HASH_ANNOTATION, LOOP_START_ANNOTATION
from cronwright.observed.cronjob import CronJobFacts
from cronwright.observed.job import JobFacts
from cronwright.observed.pod import PodFacts
from cronwright.plan import lever
from cronwright.plan.choose import Plan
from cronwright.plan.lever import CreateCronJob, CronJobStep, ReplaceCronJob, SetLever
from cronwright.plan.manifests import manifest_hash
from cronwright.plan.overlay import overlay
from cronwright.plan.windows import Ownership, Windows, ticks_between, windows_of
from cronwright.run.end import FINISH, EndRequest
from cronwright.run.ids import job_name
from cronwright.schedule.grammar import Every

LEAD = timedelta(seconds=5)
"""How far ahead a plan takes over where no pod of an older one runs: about what the start of a pod takes."""

HANDOVER_LEAD = timedelta(seconds=2)
"""How far ahead it takes over from a running pod, which reads the request to end about a second after it is made."""

LONGEST_HANDOVER = timedelta(seconds=13)
"""How long after the hand-over the Jobs of older plans are waited for: the ten seconds that a tick under way gets to
stop, and the end of a pod."""

NEAR_OPENING = timedelta(seconds=10)
"""A plan that would take over less than this ahead of an opening takes over at the opening: the Job of a window that
has been followed by another can't be started any more."""

LAST_MOMENT = timedelta(seconds=2)
"""So close to the next opening no window is opened: the controller might look only after it."""

REPAIR_AFTER = timedelta(seconds=10)
"""How long a window may lack its Job before it is given one: the controller takes less than a second."""

_SECOND = timedelta(seconds=1)


class JobWithPods(NamedTuple):
    """A Job and its pods."""

    job: JobFacts
    pods: tuple[PodFacts, ...]

    @property
    def is_live(self) -> bool:
        """Whether the Job has not ended; one that is being deleted still is."""
        return self.job.ended is None

    def running(self) -> list[PodFacts]:
        """Return the pods that run and can be asked to end."""
        return [pod for pod in self.pods if pod.is_running]

    def can_end(self) -> bool:
        """Return whether the Job will end by itself once its pods do as they are asked, or have done so."""
        return any(pod.is_running or pod.phase == "Succeeded" for pod in self.pods)


@dataclass(frozen=True, slots=True)
class AskToEnd:
    """Ask the pod of a window to end by itself."""

    pod: PodFacts
    request: EndRequest


@dataclass(frozen=True, slots=True)
class DeleteWindow:
    """Delete the Job of a window in the foreground: it is there until its pods are gone, and so is its name."""

    job: JobFacts


@dataclass(frozen=True, slots=True)
class ResumeCronJob:
    """Open a closed CronJob and change nothing else: what its plan is, the Task does not say any more."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """Ticks that no pod has served or will: those of a Job's window, or of a plan that had no Job yet."""

    job: JobFacts | None
    ticks: Ownership


LoopStep = CronJobStep | ResumeCronJob | AskToEnd | DeleteWindow | Unserved


@dataclass(frozen=True, slots=True)
class Progress:
    """The steps that are due, in their order. After them the plan is in force, unless `waits_for` says for what it
    waits. `look_again_at` is when the next step is due even if nothing happens.
    """

    steps: tuple[LoopStep, ...]
    waits_for: str = ""
    look_again_at: datetime | None = None


def progress(
    observed: CronJobFacts | None, jobs: Sequence[JobWithPods], manifest: Mapping[str, JSON], plan: Plan, now: datetime
) -> Progress:
    """Return what is due to bring the `observed` CronJob to `manifest` under `plan`, where `jobs` are all that the Task
    has. `now` is aware.

    A plan of another kind is brought about by the lever alone, once the pods of a former loop are told to end.
    """
    live = [job for job in jobs if job.job.due.window and job.is_live]
    if plan.windows is not None and not plan.suspend:
        return _Loop(observed, jobs, live, manifest, plan, plan.windows, now).progress()
    if plan.suspend and plan.kind != "manual":
        return _pause(observed, live, manifest, plan, now)
    return _leave(observed, live, manifest, plan, now)


def go_on(observed: CronJobFacts | None, jobs: Sequence[JobWithPods], now: datetime) -> Progress:
    """Return what is due where the Task can't be put in force: a loop that was closed for the edit before is opened, so
    that the last good plan goes on. `now` is aware.
    """
    if observed is None or not observed.suspend or observed.loop_start is None or observed.windows is None:
        return Progress(())
    start, opening = observed.loop_start, observed.windows.opened_at_or_before(now)
    older = [job for job in jobs if job.job.due.window and job.is_live and job.job.loop_start != start]
    steps = _end_older(older, start, now)
    holder = next((job for job in jobs if job.job.name == job_name(observed.name, opening)), None)
    if holder and not holder.is_live and not holder.job.deleted:
        steps.append(DeleteWindow(holder.job))
    if older or (holder and holder.job.loop_start != start):
        return Progress(
            tuple(steps), _end_of(older or [cast(JobWithPods, holder)]), _later(start + LONGEST_HANDOVER, now)
        )
    if observed.last_schedule_time != opening - _SECOND and holder is None:
        steps.append(SetLever(opening - _SECOND))
    return Progress((*steps, ResumeCronJob()))


def closed(manifest: Mapping[str, JSON], start: datetime) -> dict[str, JSON]:
    """Return `manifest` with the loop start, suspended."""
    return _with_start(manifest, start, suspend=True)


def opened(manifest: Mapping[str, JSON], start: datetime) -> dict[str, JSON]:
    """Return `manifest` with the loop start, not suspended."""
    return _with_start(manifest, start, suspend=False)


def owned_by(job: JobFacts) -> Ownership | None:
    """Return which ticks a window's Job owns, or None where it is no window's Job or does not say."""
    loop = job.document.loop if job.document else None
    opening = job.due.scheduled_time
    if loop is None or opening is None or job.loop_start is None or not job.due.window:
        return None
    return windows_of(job.task_uid, loop.window_seconds).owned(opening, job.loop_start)


def left_untold(window: JobWithPods) -> Ownership | None:
    """Return the ticks of a window that has ended which its pods may have left without a word, or None where there are
    none for certain.

    A window that ended as it was to is among them: its ticker may have been killed in its last moment, with all that it
    had still to tell.
    """
    owned, ended_at = owned_by(window.job), window.job.ended_at
    if owned is None or window.job.ended is None or ended_at is None:
        return None
    end = owned.end
    if window.job.ended == "Failed":
        end = min(end, ended_at)
    else:
        requests = [pod.end_request for pod in window.pods if pod.end_request]
        # A pause lets no tick start any more, and only the pod knows since when
        if not window.pods or any(request.superseded_at is None for request in requests):
            return None
        end = min([end, *(request.superseded_at for request in requests if request.superseded_at)])
    return Ownership(owned.first, end) if owned.first < end else None


def _with_start(manifest: Mapping[str, JSON], start: datetime, suspend: bool) -> dict[str, JSON]:
    annotations: JSONObject = {LOOP_START_ANNOTATION: format_seconds(start)}
    return overlay(
        manifest,
        {
            "metadata": {"annotations": {LOOP_HASH_ANNOTATION: _loop_hash(manifest)}},
            "spec": {
                "suspend": suspend,
                "jobTemplate": {"spec": {"template": {"metadata": {"annotations": annotations}}}},
            },
        },
    )


def _loop_hash(manifest: Mapping[str, JSON]) -> str:
    spec = cast(Mapping[str, JSON], manifest["spec"])
    what_runs = [spec["jobTemplate"], spec["schedule"], spec.get("timeZone")]
    return hashlib.sha256(json.dumps(what_runs, sort_keys=True).encode()).hexdigest()[:16]


def _pause(
    observed: CronJobFacts | None,
    live: Sequence[JobWithPods],
    manifest: Mapping[str, JSON],
    plan: Plan,
    now: datetime,
) -> Progress:
    """The CronJob first, so that no further window opens; a tick under way may finish."""
    steps: list[LoopStep] = [*lever.steps(observed, manifest, plan, now)]
    for window in live:
        steps += [AskToEnd(pod, FINISH) for pod in window.running() if pod.end_request is None]
        if not window.can_end():
            steps += _give_up(window, now)
    return Progress(tuple(steps))


def _leave(
    observed: CronJobFacts | None,
    live: Sequence[JobWithPods],
    manifest: Mapping[str, JSON],
    plan: Plan,
    now: datetime,
) -> Progress:
    """The pods of a former loop first, then the CronJob, which fires only after they have been told to end.

    The other way round both would run a fire time that is one of both schedules.
    """
    running = [pod for window in live for pod in window.running()]
    told = [pod.end_request.superseded_at for pod in running if pod.end_request and pod.end_request.superseded_at]
    untold = [pod for pod in running if not (pod.end_request and pod.end_request.superseded_at)]
    at = max([*told, _whole_second_from(now + HANDOVER_LEAD)] if untold else told, default=now)
    steps: list[LoopStep] = [AskToEnd(pod, EndRequest(at)) for pod in untold]
    steps += lever.steps(observed, manifest, plan, max(now, at))
    for window in live:
        if not window.can_end() or now >= at + LONGEST_HANDOVER:
            steps += _give_up(window, at)
    if not live:
        return Progress(tuple(steps))
    return Progress(tuple(steps), _end_of(live), _later(at + LONGEST_HANDOVER, now))


@dataclass(frozen=True, slots=True)
class _Loop:
    """One look at a loop that is not paused. `live` are the Jobs of windows that have not ended."""

    observed: CronJobFacts | None
    jobs: Sequence[JobWithPods]
    live: Sequence[JobWithPods]
    manifest: Mapping[str, JSON]
    plan: Plan
    windows: Windows
    now: datetime

    def progress(self) -> Progress:
        if self.observed is None:
            start = self._new_start()
            return self._then_open((CreateCronJob(closed(self.manifest, start)),), start)
        former = self.observed.loop_start
        if former is None:
            return self._close(self._new_start())
        of_former = [window for window in self.live if window.job.loop_start == former]
        if not self._has_what_runs(self.observed):
            # A plan that was never opened hands its start on: its ticks are nobody's yet
            never_opened = self.observed.suspend and not of_former and self._can_keep(former)
            return self._close(former if never_opened else self._new_start(), former)
        if self.observed.suspend and not of_former:
            if self._can_keep(former):
                return self._then_open((), former)
            return self._close(self._new_start(late=True), former)
        if len(of_former) < len(self.live):
            return self._close(self._new_start(), former)
        return self._in_force(former)

    def _has_what_runs(self, observed: CronJobFacts) -> bool:
        return observed.annotations.get(LOOP_HASH_ANNOTATION) == _loop_hash(self.manifest) and (
            observed.schedule,
            observed.time_zone,
        ) == (self.plan.schedule, self.plan.time_zone)

    def _can_keep(self, start: datetime) -> bool:
        """Whether a closed plan can still be opened with its start: its window is open, and what ran before it was told
        to end then, or can be told in time.
        """
        untold = any(not _is_told(pod, start) for window in self._older(start) for pod in window.running())
        is_open = self._opened(self.now) <= self._opened(start)
        return is_open and not (untold and start <= self.now)

    def _new_start(self, late: bool = False) -> datetime:
        """Return when the plan takes over: soon, or at once where it is `late` and nothing runs."""
        running = any(window.running() for window in self.live)
        taken = {window.job.loop_start for window in self.jobs}
        if late and not running:
            start = self.now.replace(microsecond=0)
        else:
            start = _whole_second_from(self.now + (HANDOVER_LEAD if running else LEAD))
            upcoming = self._upcoming()
            if upcoming - start < NEAR_OPENING:
                start = max(start, upcoming)
        while start in taken:
            start += _SECOND
        return start

    def _close(self, start: datetime, unopened: datetime | None = None) -> Progress:
        """`unopened` is the start of a plan that was closed and now never opens: its ticks until `start` are told."""
        steps: list[LoopStep] = []
        if unopened is not None and unopened != start:
            steps += self._unserved(max([self._first_unserved(unopened), *self._served_until()]), start)
        return self._then_open((*steps, ReplaceCronJob(closed(self.manifest, start))), start)

    def _first_unserved(self, unopened: datetime) -> datetime:
        assert self.observed is not None
        last = self.observed.last_schedule_time
        if not self.observed.suspend:
            # The lever was set ahead of the first window's opening: what is remembered from there on has its Job
            started = last is not None and last >= self._opened(unopened)
            return self.windows.owned(self._opened(last), unopened).end if last and started else unopened
        if self.observed.touched and last is not None and last >= unopened and self.windows.opens_at(last):
            # Another hand suspended an open loop: its last window served for as long as it was to
            return self.windows.owned(last, unopened).end
        return unopened

    def _served_until(self) -> list[datetime]:
        """Until when the pods that run serve, at most."""
        ends = []
        for window in self.live:
            owned = owned_by(window.job)
            told = [pod.end_request.superseded_at if pod.end_request else None for pod in window.running()]
            ends += [min(owned.end, at or owned.end) for at in told if owned]
        return ends

    def _unserved(self, first: datetime, end: datetime) -> list[LoopStep]:
        return [Unserved(None, Ownership(first, end))] if self._has_ticks(first, end) else []

    def _then_open(self, steps: tuple[LoopStep, ...], start: datetime) -> Progress:
        """What follows once the CronJob is closed with `start`: the end of what ran before, then the opening."""
        opening = self._opened(start)
        ending = self._older(start)
        rest = _end_older(ending, start, self.now)
        holder = self._job_of(opening)
        if holder and not holder.is_live and not holder.job.deleted:
            rest.append(DeleteWindow(holder.job))
        if ending or holder:
            waits_for = _end_of(ending or [cast(JobWithPods, holder)])
            return Progress((*steps, *rest), waits_for, _later(start + LONGEST_HANDOVER, self.now))
        upcoming = self._upcoming()
        if opening <= self.now and upcoming - self.now <= LAST_MOMENT:
            return Progress((*steps, *rest), f"the window that opens at {format_seconds(upcoming)}", upcoming)
        remembered = self.observed.last_schedule_time if self.observed else None
        if remembered != opening - _SECOND:
            rest.append(SetLever(opening - _SECOND))
        return Progress((*steps, *rest, ReplaceCronJob(opened(self.manifest, start))))

    def _in_force(self, start: datetime) -> Progress:
        """The CronJob is open, or is to be opened again after another hand; nothing of an older plan is left."""
        assert self.observed is not None
        steps: list[LoopStep] = []
        if (
            self.observed.suspend
            or self.observed.touched
            or self.observed.manifest_hash != manifest_hash(self.manifest)
        ):
            steps.append(ReplaceCronJob(opened(self.manifest, start)))
        opening = self._opened(self.now)
        before = opening - timedelta(seconds=self.windows.length)
        if self.now < self.windows.owned(opening, start).first and self._opened(start) <= before:
            lost = self._repair_the_one_before(before, start)
            if lost is not None:
                return lost
        repair = self._repair(opening, start)
        return Progress((*steps, *repair.steps), repair.waits_for, repair.look_again_at)

    def _repair(self, opening: datetime, start: datetime) -> Progress:
        """Give the window that is open its Job again, where it was deleted or has ended with ticks before it."""
        assert self.observed is not None
        holder = self._job_of(opening)
        remembered = self.observed.last_schedule_time
        if (holder and holder.is_live) or remembered is None or remembered < opening:
            return Progress(())
        owned = self.windows.owned(opening, start)
        if not self._has_ticks(max(self.now, owned.first), owned.end):
            return Progress(())
        ended_at = holder.job.ended_at if holder else None
        due = max(opening, start, ended_at or opening) + REPAIR_AFTER
        if self.now < due:
            return Progress((), look_again_at=due)
        if holder:
            return Progress(() if holder.job.deleted else (DeleteWindow(holder.job),))
        if self._upcoming() - self.now <= LAST_MOMENT:
            return Progress((), look_again_at=self._upcoming())
        return Progress((SetLever(opening - _SECOND),))

    def _repair_the_one_before(self, before: datetime, start: datetime) -> Progress | None:
        """The window that serves until the one that is open takes over can't be started again: a new start, at once."""
        holder = self._job_of(before)
        owned = self.windows.owned(before, start)
        if (holder and holder.is_live) or not self._has_ticks(self.now, owned.end):
            return None
        ended_at = holder.job.ended_at if holder else None
        if self.now < max(before, start, ended_at or before) + REPAIR_AFTER:
            return None
        fresh = self._new_start()
        return self._then_open(
            (*self._unserved(owned.first, fresh), ReplaceCronJob(closed(self.manifest, fresh))), fresh
        )

    def _older(self, start: datetime) -> list[JobWithPods]:
        return [window for window in self.live if window.job.loop_start != start]

    def _job_of(self, opening: datetime) -> JobWithPods | None:
        """Return the Job that has the name of the window's, be it a window's or not."""
        name = job_name(self.plan.document.resource_name, opening)
        return next((job for job in self.jobs if job.job.name == name), None)

    def _has_ticks(self, first: datetime, end: datetime) -> bool:
        schedule = self.plan.fire_times.schedule
        assert isinstance(schedule, Every)
        return first < end and ticks_between(schedule, first, end) is not None

    def _opened(self, at: datetime) -> datetime:
        return self.windows.opened_at_or_before(at)

    def _upcoming(self) -> datetime:
        return self._opened(self.now) + timedelta(seconds=self.windows.length)


def _end_older(windows: Sequence[JobWithPods], start: datetime, now: datetime) -> list[LoopStep]:
    """Return how the Jobs of older plans end at `start`: by themselves, or by deletion where they do not."""
    steps: list[LoopStep] = []
    for window in windows:
        if window.can_end() and now < start + LONGEST_HANDOVER:
            steps += [AskToEnd(pod, EndRequest(start)) for pod in window.running() if not _is_told(pod, start)]
        else:
            steps += _give_up(window, start)
    return steps


def _is_told(pod: PodFacts, start: datetime) -> bool:
    """Whether the pod was told to end no later than `start`."""
    told = pod.end_request.superseded_at if pod.end_request else None
    return told is not None and told <= start


def _give_up(window: JobWithPods, until: datetime) -> list[LoopStep]:
    """Delete a window's Job that will not end by itself, or not in time. What it had to serve is told.

    `until` is when another plan takes over: from now until then nobody serves.
    """
    if window.job.deleted:
        return []
    steps: list[LoopStep] = []
    owned = owned_by(window.job)
    if owned is not None and owned.first < min(owned.end, until):
        steps.append(Unserved(window.job, Ownership(owned.first, min(owned.end, until))))
    return [*steps, DeleteWindow(window.job)]


def _end_of(jobs: Sequence[JobWithPods]) -> str:
    return f"the end of Job {', '.join(job.job.name for job in jobs)}"


def _whole_second_from(at: datetime) -> datetime:
    whole = at.replace(microsecond=0)
    return whole if whole == at else whole + _SECOND


def _later(at: datetime, now: datetime) -> datetime | None:
    return at if at > now else None
