"""Ids of runs and of their events, and what the names of Jobs say. All are functions of what they are for, so two
writers agree.
"""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from cronwright.instants import format_seconds


def scheduled_run_id(task_uid: str, scheduled_time: datetime) -> UUID:
    """Return the id of the run of a Task for `scheduled_time` (aware; its whole second in UTC counts)."""
    return uuid5(UUID(task_uid), format_seconds(scheduled_time))


def manual_run_id(task_uid: str, job_uid: str) -> UUID:
    """Return the id of the run of a Job that was made by hand."""
    return uuid5(UUID(task_uid), f"job/{job_uid}")


def requested_run_id(task_uid: str, request_id: str) -> UUID:
    """Return the id of a run that was asked for by the request of that id, for no fire time."""
    return uuid5(UUID(task_uid), f"request/{request_id}")


def event_id(run_id: UUID, pod_uid: str, attempt: int, kind: str) -> UUID:
    """Return the id of an event's row: the same event posted twice is one row."""
    return uuid5(run_id, f"{pod_uid}/{attempt}/{kind}")


def job_name(cron_job_name: str, scheduled_time: datetime) -> str:
    """Return the name that the CronJob controller gives the Job for `scheduled_time`.

    Source: Kubernetes, pkg/controller/cronjob/cronjob_controllerv2.go, getJobName: minutes since the epoch.
    """
    return f"{cron_job_name}-{int(scheduled_time.timestamp()) // 60}"


def scheduled_minute(cron_job_name: str, name_of_job: str) -> datetime | None:
    """Return the start of the minute (UTC) that a Job's name stands for, or None where the name is not one of the
    controller's.
    """
    prefix, _, suffix = name_of_job.rpartition("-")
    # isdecimal alone takes other scripts' digits, and the controller writes no leading zero
    if prefix != cron_job_name or not (suffix.isascii() and suffix.isdecimal()) or suffix.startswith("0"):
        return None
    minutes = int(suffix)
    if not _EARLIEST_MINUTE <= minutes <= _LATEST_MINUTE:
        return None
    return datetime.fromtimestamp(minutes * 60, UTC)


# A Job that a person named "backup-2" or "backup-20261124" is no scheduled run: the controller's numbers lie between
# these dates.
_EARLIEST_MINUTE = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) // 60
_LATEST_MINUTE = int(datetime(2060, 1, 1, tzinfo=UTC).timestamp()) // 60
