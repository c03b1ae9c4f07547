"""The order of writes that brings a CronJob to its plan without firing a run that nobody asked for.

The CronJob controller's only memory is `status.lastScheduleTime`: nothing at or before it fires. Writing it is the
lever. A write of the lever to now comes before any write that changes when the CronJob fires, so that no tick of the
new schedule lies between the old memory and now. After the last write of each sequence, and after each one before it,
the CronJob can be left alone: the next thing that fires is a tick after now.

Seen on Kubernetes 1.36: an edited CronJob whose new schedule had a tick in the past fired it as soon as a label was
touched; after the lever it did not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cronwright.jsontypes import JSON
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.plan.manifests import manifest_hash
from cronwright.schedule.grid import tick_at_or_before


@dataclass(frozen=True, slots=True)
class CreateCronJob:
    """Make the CronJob; where one of that name is there already, look whose it is."""

    manifest: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class ReplaceCronJob:
    """Write the whole CronJob, so that nothing another hand added stays."""

    manifest: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class SetLever:
    """Write `status.lastScheduleTime`; `time` is aware, in whole seconds."""

    time: datetime


CronJobStep = CreateCronJob | ReplaceCronJob | SetLever


def steps(observed: CronJobFacts | None, manifest: Mapping[str, JSON], plan: Plan, now: datetime) -> list[CronJobStep]:
    """Return the writes that bring the `observed` CronJob to `manifest`; none where nothing differs. `now` is aware."""
    if observed is None:
        return [CreateCronJob(manifest), *_back_to_grid(plan, None, now)]
    if observed.manifest_hash == manifest_hash(manifest) and not observed.touched:
        return _back_to_grid(plan, observed.last_schedule_time, now)
    if plan.suspend or not _fires_differently(observed, plan):
        return [ReplaceCronJob(manifest), *_back_to_grid(plan, observed.last_schedule_time, now)]
    return [SetLever(now.replace(microsecond=0)), ReplaceCronJob(manifest), *_back_to_grid(plan, None, now)]


def _fires_differently(observed: CronJobFacts, plan: Plan) -> bool:
    return observed.suspend or (observed.schedule, observed.time_zone) != (plan.schedule, plan.time_zone)


def _back_to_grid(plan: Plan, remembered: datetime | None, now: datetime) -> list[CronJobStep]:
    """An `@every` of the controller counts from what it remembers; the grid counts from the epoch."""
    if plan.every is None or plan.suspend:
        return []
    if remembered is not None and tick_at_or_before(plan.every, remembered) == remembered:
        return []
    return [SetLever(tick_at_or_before(plan.every, now))]
