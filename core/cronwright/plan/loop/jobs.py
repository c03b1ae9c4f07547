"""The Jobs of windows: whether one will end by itself, which ticks it owns, and which it has left without a word.

What is to be done about one is decided elsewhere.
"""

from typing import NamedTuple

from cronwright.observed.job import JobFacts
from cronwright.observed.pod import PodFacts
from cronwright.plan.windows import Ownership, windows_of


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
