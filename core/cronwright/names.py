"""Names that Kubernetes objects, programs and people agree on: labels, annotations, audiences, paths.

Changing one is a breaking change: objects in clusters carry them.
"""

GROUP = "cronwright.dev"
VERSION = "v1"
KIND = "Task"
PLURAL = "tasks"
API_VERSION = f"{GROUP}/{VERSION}"

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "cronwright"
TASK_LABEL = f"{GROUP}/task"
"""The Task's metadata.name, on CronJobs, Jobs and pods."""
TASK_UID_LABEL = f"{GROUP}/task-uid"
"""The Task's metadata.uid, on CronJobs, Jobs and pods."""
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
"""Set by the Job controller on each pod (Kubernetes: batch/v1 JobNameLabel)."""
CONTROLLER_UID_LABEL = "batch.kubernetes.io/controller-uid"
"""The Job's metadata.uid, set by the Job controller on each pod (Kubernetes: batch/v1 ControllerUidLabel)."""

TASK_ANNOTATION = f"{GROUP}/task"
"""The run document (`cronwright.run.document`), on the pod template."""
AS_USER_ANNOTATION = f"{GROUP}/as-user"
"""The user that runs carry, on the pod template."""
SCHEDULED_TIME_ANNOTATION = f"{GROUP}/scheduled-time"
"""The scheduled time (RFC 3339) of a Job that was not made by the CronJob controller, on its pod template."""
API_CA_ANNOTATION = f"{GROUP}/api-ca"
"""The certificates (PEM) that the timeline's is checked against, on the pod template."""
MANIFEST_HASH_ANNOTATION = f"{GROUP}/manifest-hash"
"""Digest of the CronJob manifest as the operator wrote it."""

LOOP_START_ANNOTATION = f"{GROUP}/loop-start"
"""When a loop's plan takes over (RFC 3339, whole seconds), on the pod template. A paused Task's CronJob has none."""
LOOP_HASH_ANNOTATION = f"{GROUP}/loop-hash"
"""Digest of what a loop's pods run and when its windows open, on its CronJob: where only the rest of it differs, the
pods go on."""
END_ANNOTATION = f"{GROUP}/end"
"""Tells a loop's pod to end by itself (`cronwright.run.end`)."""

RUN_REQUESTED_ANNOTATION = f"{GROUP}/run-requested"
"""The runs that people asked for (`cronwright.run.requests`), on the Task."""
RUN_REQUEST_ANNOTATION = f"{GROUP}/run-request"
"""The id of the request that a run was asked for by, on its Job."""

FIELD_MANAGER = "cronwright"
TOKEN_AUDIENCE = "cronwright"
RUNNER_CONTAINER = "runner"
TICKER_CONTAINER = "ticker"

DOCUMENT_PATH = "/etc/cronwright/task"
JOB_NAME_PATH = "/etc/cronwright/job-name"
JOB_UID_PATH = "/etc/cronwright/job-uid"
SCHEDULED_TIME_PATH = "/etc/cronwright/scheduled-time"
API_CA_PATH = "/etc/cronwright/api-ca"
LOOP_START_PATH = "/etc/cronwright/loop-start"
END_PATH = "/etc/cronwright/end"
LOOP_DIRECTORY = "/run/cronwright"
"""What a loop's ticker and runner share, in memory: their socket, and the ticker's spool."""
TOKEN_PATH = "/var/run/secrets/cronwright/token"
FINAL_EXIT_CODE = 64
"""The runner's exit code of a run that has failed and must not be tried again by the Job controller."""
