"""What is counted, and the port that shows it. A registry of its own, made in `main`: nothing global to reset."""

from collections.abc import Callable

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The API's metrics."""

    def __init__(self) -> None:
        # A second series for each counter, which nothing here asks for
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.registry.register(collector)
        self.requests = Counter(
            "cronwright_api_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "cronwright_api_request_seconds",
            "Time from request to answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.events = Counter(
            "cronwright_timeline_events",
            "Events and spans posted: created ones, duplicates of what was there, and ends that spans inferred.",
            ["result"],
            registry=self.registry,
        )
        self.store_errors = Counter(
            "cronwright_store_errors", "Times that the store could not be used.", registry=self.registry
        )
        self.database_bytes = Gauge(
            "cronwright_timeline_database_bytes", "Room that the database takes.", registry=self.registry
        )
        self.deleted = Counter(
            "cronwright_timeline_deleted", "Rows deleted by retention.", ["table"], registry=self.registry
        )
        self.retained_at = Gauge(
            "cronwright_timeline_retention_timestamp_seconds",
            "When retention last went through without an error.",
            registry=self.registry,
        )
        self.tasks = Gauge("cronwright_tasks", "Tasks that the watch has told of.", registry=self.registry)
        self.task_age = Gauge(
            "cronwright_task_cache_age_seconds",
            "How long ago Kubernetes was last heard of for the Tasks; NaN before the first list.",
            registry=self.registry,
        )
        self.task_lists = Counter(
            "cronwright_task_lists", "Times that all Tasks were listed anew.", registry=self.registry
        )
        self.task_watch_errors = Counter(
            "cronwright_task_watch_errors", "Times that a list or watch of Tasks failed.", registry=self.registry
        )
        self.listeners = Gauge("cronwright_stream_listeners", "Listeners of the stream.", registry=self.registry)
        self.dropped = Counter(
            "cronwright_stream_dropped", "Listeners dropped since they read too slowly.", registry=self.registry
        )
        for result in ("created", "duplicate", "inferred"):
            self.events.labels(result)
        for table in ("event", "run"):
            self.deleted.labels(table)

    def follow(self, tasks: Callable[[], int], age_seconds: Callable[[], float | None]) -> None:
        """Show the number of Tasks and the age of what is known of them as they are when /metrics is read."""
        self.tasks.set_function(tasks)

        def age() -> float:
            known = age_seconds()
            return float("nan") if known is None else known

        self.task_age.set_function(age)

    def follow_listeners(self, listeners: Callable[[], int]) -> None:
        """Show the number of listeners as it is when /metrics is read."""
        self.listeners.set_function(listeners)


class MetricsServer:
    """/metrics on a port of its own, in a thread of its own, so that it answers while the event loop is busy."""

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        """Start. Raises OSError where the port is taken."""
        self._server, self._thread = start_http_server(port, host, metrics.registry)

    def stop(self) -> None:
        """Stop, and wait for the thread to end."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
