"""What the operator counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "cronwright_kubernetes_requests_total",
    "Requests to the Kubernetes API by method; dry-run only asks, and status 0 means no answer.",
    ["method", "status"],
)
RECONCILIATIONS = Counter("cronwright_reconciliations_total", "Reconciliations of a Task by result.", ["result"])
RECONCILE_SECONDS = Histogram("cronwright_reconcile_seconds", "Seconds that a reconciliation took.")
WRITES = Counter("cronwright_writes_total", "Writes to Kubernetes by action.", ["action"])
TIMELINE_EVENTS = Counter(
    "cronwright_timeline_events_total", "Events that the operator posted to the timeline.", ["result"]
)
QUEUE_DEPTH = Gauge("cronwright_queue_depth", "Tasks that are due and wait for a worker.")
QUEUE_WAIT_SECONDS = Gauge(
    "cronwright_queue_longest_wait_seconds", "Seconds that the Task which is due longest has waited."
)
OBJECTS = Gauge("cronwright_objects", "Objects in the operator's memory by kind.", ["kind"])
LAST_FULL_PASS = Gauge("cronwright_last_full_pass_timestamp_seconds", "Unix time of the last pass over every Task.")
