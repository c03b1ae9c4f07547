"""What a Task's CronJob has to be, by core's own word, and how the one on the cluster differs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cronwright.certificates import certificates_in
from cronwright.names import MANIFEST_HASH_ANNOTATION
from cronwright.observed.cronjob import parse_cron_job
from cronwright.plan.choose import Plan, choose
from cronwright.plan.manifests import cron_job, manifest_hash
from cronwright.plan.pod import RunnerSettings
from cronwright.schedule.grid import tick_at_or_before
from cronwright.task import parse_task


def runner_settings(image: str, timeline: Mapping[str, str] | None = None) -> RunnerSettings:
    """Return what an `OperatorProcess` with this runner image, and the settings of `timeline_of_runs`, works with."""
    told = timeline or {}
    file = told.get("CRONWRIGHT_API_CA_FILE")
    return RunnerSettings(
        image=image,
        image_pull_policy="Never",
        api_url=told.get("CRONWRIGHT_API_URL"),
        api_ca=certificates_in(Path(file).read_text()) if file else None,
    )


def plan_of(task: Mapping[str, Any]) -> Plan:
    """Return the plan of a Task's manifest."""
    return choose(parse_task(task))


def differences(task: Mapping[str, Any], found: Mapping[str, Any] | None, runner: RunnerSettings) -> list[str]:
    """Return how the CronJob `found` differs from what `task` says; empty where it is just that."""
    if found is None:
        return ["there is no CronJob"]
    plan, facts = plan_of(task), parse_cron_job(found)
    manifest = cron_job(parse_task(task), plan, runner)
    told = {
        "owner": (facts.owner_uid, task["metadata"]["uid"]),
        "schedule": (facts.schedule, plan.schedule),
        "time zone": (facts.time_zone, plan.time_zone),
        "suspend": (facts.suspend, plan.suspend),
        MANIFEST_HASH_ANNOTATION: (facts.manifest_hash, manifest_hash(manifest)),
        "changed by another hand": (facts.touched, False),
    }
    differing = [f"{what} is {is_now}, not {due}" for what, (is_now, due) in told.items() if is_now != due]
    is_loop = plan.windows is not None and not plan.suspend
    if is_loop != (facts.loop_start is not None):
        differing.append(f"the loop's start is {facts.loop_start}")
    remembered = facts.last_schedule_time
    if plan.every and not plan.suspend:
        if remembered is None:
            differing.append("there is no lastScheduleTime, so its ticks count from its creation")
        elif tick_at_or_before(plan.every, remembered) != remembered:
            differing.append(f"lastScheduleTime {remembered} is off the grid of {plan.schedule}")
    return differing
