"""The closed set of reasons: why a run ended as it did, why a Task is or is not in force.

Docs, Kubernetes Events, metrics, the API and the CLI take their words from this table; `docs/reasons.md` is made from
it.
"""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """A stable CamelCase code. The first group is about runs, the second about Tasks."""

    COMPLETED = "Completed"
    ACTION_FAILED = "ActionFailed"
    UNKNOWN_ACTION = "UnknownAction"
    INVALID_ATTRIBUTES = "InvalidAttributes"
    TIMED_OUT = "TimedOut"
    TERMINATED = "Terminated"
    RUNNER_CRASHED = "RunnerCrashed"
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    IMAGE_PULL = "ImagePull"
    CONTAINER_CONFIG = "ContainerConfig"
    UNSCHEDULABLE = "Unschedulable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    POD_REFUSED = "PodRefused"
    POD_LOST = "PodLost"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    STARTING_DEADLINE_PASSED = "StartingDeadlinePassed"
    OFF_THE_GRID = "OffTheGrid"
    ALREADY_RUNNING = "AlreadyRunning"
    SUPERSEDED = "Superseded"
    POD_LATE = "PodLate"
    RUNNER_DOWN = "RunnerDown"

    IN_FORCE = "InForce"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    INVALID_TASK = "InvalidTask"
    INVALID_SCHEDULE = "InvalidSchedule"
    UNKNOWN_TIME_ZONE = "UnknownTimeZone"
    LOOP_REPLACE = "LoopReplace"
    INTERVAL_TOO_SHORT = "IntervalTooShort"
    TOO_MANY_LOOPS = "TooManyLoops"
    ATTRIBUTES_TOO_LARGE = "AttributesTooLarge"
    NAME_TAKEN = "NameTaken"
    CRON_JOB_REFUSED = "CronJobRefused"
    NO_RUN_YET = "NoRunYet"
    INVALID_RUN_REQUESTS = "InvalidRunRequests"
    RUN_REFUSED = "RunRefused"
    TIMELINE_UNAVAILABLE = "TimelineUnavailable"


class Explanation(NamedTuple):
    """What a reason means, for a person: a sentence, and what to do where there is something to do."""

    outcome: Outcome | None
    sentence: str
    remedy: str = ""


_S, _F, _K, _M = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SKIPPED, Outcome.MISSED

EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.COMPLETED: Explanation(_S, "The action ended without an error."),
    Reason.ACTION_FAILED: Explanation(
        _F,
        "The action ended with an error.",
        "Read the run's message and log, mend what the action met, and wait for the next run or give the Task a retry.",
    ),
    Reason.UNKNOWN_ACTION: Explanation(
        _F,
        "No action of this name is in the runner image.",
        "Write one of the actions that the message lists as actionName, or use a runner image that brings the action.",
    ),
    Reason.INVALID_ATTRIBUTES: Explanation(
        _F,
        "The action can't use these attributes.",
        "Write the attribute as the message says.",
    ),
    Reason.TIMED_OUT: Explanation(
        _F,
        "An attempt took longer than timeoutSeconds and was stopped.",
        "Raise timeoutSeconds, or find out what the action waits for.",
    ),
    Reason.TERMINATED: Explanation(
        _F,
        "The pod was told to end while the action ran, as at a drain, a deletion or concurrencyPolicy Replace.",
        "Nothing, if that was meant; otherwise give the Task a retry.",
    ),
    Reason.RUNNER_CRASHED: Explanation(
        _F,
        "The runner's container ended without saying how the run went.",
        "Read the pod's log; the template's image, command or environment may be wrong.",
    ),
    Reason.OOM_KILLED: Explanation(
        _F,
        "The run needed more memory than its limit and was killed.",
        "Raise the memory limit of container runner in the Task's template.",
    ),
    Reason.EVICTED: Explanation(
        _F,
        "The node evicted the pod to get resources back.",
        "Give the Task requests that match what it uses, or a retry.",
    ),
    Reason.IMAGE_PULL: Explanation(
        _F,
        "The node can't pull the image of the run's pod.",
        "Correct the image's name in the Task's template or the chart's values, or give the namespace a pull secret.",
    ),
    Reason.CONTAINER_CONFIG: Explanation(
        _F,
        "The node can't make the container as the template asks.",
        "Correct the Secret, ConfigMap or security setting that the message names.",
    ),
    Reason.UNSCHEDULABLE: Explanation(
        _F,
        "No node takes the run's pod.",
        "Lower the requests or loosen the node selector in the Task's template, or add a node.",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        _F,
        "The namespace's ResourceQuota leaves no room for the run's pod.",
        "Raise the quota, or end what uses it.",
    ),
    Reason.POD_REFUSED: Explanation(
        _F,
        "The API server refuses the run's pod.",
        "Correct the Task's template, or the policy that the message names.",
    ),
    Reason.POD_LOST: Explanation(
        _F,
        "The run's pod went away without an end, as when its node is lost.",
        "Give the Task a retry if its action may run twice.",
    ),
    Reason.DEADLINE_EXCEEDED: Explanation(
        _F,
        "The Job passed its activeDeadlineSeconds, so the pod was ended.",
        "Look why the pod did not start or end in time.",
    ),
    Reason.STARTING_DEADLINE_PASSED: Explanation(
        _K,
        "The run could not start within startingDeadlineSeconds of its scheduled time.",
        "Raise startingDeadlineSeconds if a late run is better than none.",
    ),
    Reason.OFF_THE_GRID: Explanation(
        _K,
        "The Job's time is no fire time of the schedule, as after an edit that was cut short.",
    ),
    Reason.ALREADY_RUNNING: Explanation(
        _K,
        "The run before it was still under way, and concurrencyPolicy is Forbid.",
        "Make the interval longer than the action takes, or write concurrencyPolicy: Allow.",
    ),
    Reason.SUPERSEDED: Explanation(
        _F,
        "The Task was edited while the action ran, so the run was stopped.",
        "Nothing; the runs after it follow the Task as it is now.",
    ),
    Reason.POD_LATE: Explanation(
        _M,
        "The loop's pod was not there when the run was due, as while its node pulled the image or restarted.",
        "Look at the pod's events if it comes often; @every 1m has a pod for each run and catches up.",
    ),
    Reason.RUNNER_DOWN: Explanation(
        _M,
        "The loop's runner was starting again after a crash when the run was due.",
        "Look how the runs before it ended, such as OOMKilled or RunnerCrashed, and mend that.",
    ),
    Reason.IN_FORCE: Explanation(None, "The schedule as written is in force."),
    Reason.SUSPENDED: Explanation(None, "The Task is paused by isActive: false.", "Set isActive: true to go on."),
    Reason.PROGRESSING: Explanation(None, "The change is being put in force."),
    Reason.INVALID_TASK: Explanation(None, "The Task can't be read.", "Correct the field that the message names."),
    Reason.INVALID_SCHEDULE: Explanation(
        None,
        "The schedule never fires or can't be read.",
        "Correct spec.schedule as the message says.",
    ),
    Reason.UNKNOWN_TIME_ZONE: Explanation(
        None,
        "The time zone is not in the IANA database.",
        "Correct spec.timeZone as the message says.",
    ),
    Reason.LOOP_REPLACE: Explanation(
        None,
        "A loop can't replace a run that is under way.",
        "Write concurrencyPolicy Forbid or Allow, or an interval of a minute or more.",
    ),
    Reason.INTERVAL_TOO_SHORT: Explanation(
        None,
        "The interval is shorter than this installation allows.",
        "Write a longer interval, or raise the chart's minInterval.",
    ),
    Reason.TOO_MANY_LOOPS: Explanation(
        None,
        "This installation has as many loops as it allows; each is a resident pod.",
        "Write @every 1m or more, pause another loop, or raise the chart's maxLoopTasks.",
    ),
    Reason.ATTRIBUTES_TOO_LARGE: Explanation(
        None,
        "The attributes are larger than 64 KiB.",
        "Put the data where the action can fetch it, and name the place in attributes.",
    ),
    Reason.NAME_TAKEN: Explanation(
        None,
        "A CronJob of the Task's name exists and belongs to someone else.",
        "Delete or rename that CronJob, or give the Task another metadata.name.",
    ),
    Reason.CRON_JOB_REFUSED: Explanation(
        None,
        "The API server refuses the CronJob.",
        "Correct what the message names, mostly a field of the template.",
    ),
    Reason.NO_RUN_YET: Explanation(None, "No run has ended yet."),
    Reason.INVALID_RUN_REQUESTS: Explanation(
        None,
        "The annotation cronwright.dev/run-requested can't be read, so no run is made of it.",
        "Write it as the message says.",
    ),
    Reason.RUN_REFUSED: Explanation(
        None,
        "A run was asked for that can't be made.",
        "Ask again as the message says, with another id.",
    ),
    Reason.TIMELINE_UNAVAILABLE: Explanation(
        None,
        "How the runs of a loop end is known from the timeline, and the operator can't read it.",
        "Look at the API's pod and log, and whether the operator may list Tasks; the loop itself goes on.",
    ),
}
