"""The reconciler: one Task at a time, observe → decide → apply. Workers take keys from the queue; a full pass feeds it
all of them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from cronwright.plan.choose import LoopSettings
from cronwright.plan.pod import RunnerSettings
from cronwright.run.requests import requested_run_id
from cronwright_operator.apply import Writer
from cronwright_operator.decide import Decision, decide
from cronwright_operator.decisions.runs import is_stuck
from cronwright_operator.decisions.spec import Trouble
from cronwright_operator.errors import KubernetesError, NotFoundError, StalledError
from cronwright_operator.follow import Follower
from cronwright_operator.kubernetes import KINDS, Kubernetes
from cronwright_operator.loops import Places
from cronwright_operator.metrics import LAST_FULL_PASS, RECONCILE_SECONDS, RECONCILIATIONS
from cronwright_operator.observe import Key, Observation, Observed
from cronwright_operator.queue import KeyedQueue

log = structlog.get_logger(__name__)

STALLED_RETRY_SECONDS = 60.0
"""How soon a Task whose CronJob was refused is tried again: what stood in the way may be gone without the Task
changing.
"""

FIRST_PASS_RETRY_SECONDS = 2.0
TIMELINE_RETRY_SECONDS = 15.0
FAILURES_BEFORE_TELLING = 3
"""So many failures in a row are put on the status; fewer are a passing fault."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Reconciler:
    """Brings Tasks and what they became together, until cancelled."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        observed: Observed,
        queue: KeyedQueue[Key],
        writer: Writer,
        follower: Follower,
        runner: RunnerSettings,
        loops: LoopSettings,
        namespaces: tuple[str, ...],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kubernetes, self._observed, self._queue, self._writer = kubernetes, observed, queue, writer
        self._follower, self._places = follower, Places(observed, loops.max_tasks)
        self._runner, self._loops, self._namespaces, self._now = runner, loops, namespaces, now

    async def work(self) -> None:
        """Take keys and reconcile them, for ever."""
        while True:
            key = await self._queue.get()
            await self._work_on(key)

    def use(self, runner: RunnerSettings) -> None:
        """Make the runs of every Task by these settings from now on."""
        self._runner = runner
        for key in self._observed.tasks.objects:
            self._queue.add(key)

    async def pass_over_all(self) -> None:
        """List everything anew and make every Task due: what the watches may have missed is found here."""
        for namespace in self._namespaces or (None,):
            for kind in KINDS:
                manifests, version = await self._kubernetes.list_all(kind, namespace)
                for key in self._observed.replace(kind, namespace, manifests, version):
                    self._queue.add(key)
        LAST_FULL_PASS.set(self._now().timestamp())

    async def first_pass(self) -> None:
        """Make the first full pass, trying until Kubernetes answers: an API server may be starting, too."""
        while True:
            try:
                return await self.pass_over_all()
            except KubernetesError as error:
                log.warning("Kubernetes does not list what the operator needs; trying again", error=str(error))
                await asyncio.sleep(FIRST_PASS_RETRY_SECONDS)

    async def pass_regularly(self, seconds: float) -> None:
        """Make a full pass every so many `seconds`, for ever; one that fails is made up for by the next."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.pass_over_all()
            except KubernetesError as error:
                log.warning("the full pass failed", error=str(error))

    async def _work_on(self, key: Key) -> None:
        try:
            with RECONCILE_SECONDS.time():
                again_in = await self._reconcile(key)
        except NotFoundError:
            # The Task or one of its children went away meanwhile: its event is on the way.
            self._queue.done(key, again_in=1.0)
        except KubernetesError as error:
            failures = self._queue.failed(key)
            RECONCILIATIONS.labels("failed").inc()
            log.warning(
                "a write failed and is tried again",
                task=key.name,
                namespace=key.namespace,
                error=str(error),
                failures=failures,
            )
            if failures == FAILURES_BEFORE_TELLING:
                await self._tell_trouble(key, Trouble(answer=str(error)))
        except Exception:
            # A defect in one Task's way must not take the worker from all the others; it is loud, counted, and tried
            # again.
            self._queue.failed(key)
            RECONCILIATIONS.labels("crashed").inc()
            log.exception("reconciling failed", task=key.name, namespace=key.namespace)
        else:
            RECONCILIATIONS.labels("done").inc()
            self._queue.done(key, again_in)

    async def _reconcile(self, key: Key) -> float | None:
        seen = await self._observe(key)
        if seen is None:
            self._places.note(key, False)
            return None
        now = self._now()
        try:
            decision = self._decide(key, seen, now)
            delivered = await self._writer.apply(key, seen.task, decision.actions, now)
        except StalledError as stalled:
            log.info("stalled", task=key.name, namespace=key.namespace, reason=stalled.reason, why=stalled.message)
            await self._tell_trouble(key, Trouble(stalled=stalled))
            return 0.0 if self._was_edited(key, seen) else STALLED_RETRY_SECONDS
        return 0.0 if self._was_edited(key, seen) else self._again_in(decision, delivered, now)

    def _decide(self, key: Key, seen: Observation, now: datetime, trouble: Trouble | None = None) -> Decision:
        decision = decide(
            replace(seen, has_room=self._places.has_room(key)), self._runner, now, trouble, loops=self._loops
        )
        self._places.note(key, decision.is_loop)
        return decision

    def _was_edited(self, key: Key, seen: Observation) -> bool:
        """Return whether the Task has another spec than the one just decided on.

        The answer to a status write brings an edit that came right before it, and the watch's event of that very
        version is then taken for the echo of the write.
        """
        latest = self._observed.look(key)
        return latest is not None and latest.task.generation != seen.task.generation

    async def _observe(self, key: Key) -> Observation | None:
        seen = self._observed.look(key)
        if seen is None:
            return None
        seen = replace(seen, ticks=self._follower.ticks_of(seen.task.uid), timeline_problem=self._follower.problem)
        if seen.task.requests:
            wanted = {requested_run_id(seen.task.uid, request) for request in seen.task.requests}
            seen = replace(seen, started=await self._follower.started(wanted))
        now = self._now()
        stuck = [job for job in seen.jobs if is_stuck(seen, job, now)]
        if not stuck:
            return seen
        refusals = {job.uid: await self._refusal(job.namespace, job.uid) for job in stuck}
        return replace(seen, refusals=refusals)

    async def _refusal(self, namespace: str, job_uid: str) -> str:
        events = await self._kubernetes.events_of(namespace, job_uid)
        complaints = [event for event in events if event.get("reason") == "FailedCreate"]
        newest = max(
            complaints, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "", default=None
        )
        return str(newest["message"]) if newest else ""

    async def _tell_trouble(self, key: Key, trouble: Trouble) -> None:
        seen = await self._observe(key)
        if seen is None:
            return
        now = self._now()
        try:
            await self._writer.apply(key, seen.task, self._decide(key, seen, now, trouble).actions, now)
        except (KubernetesError, StalledError) as error:
            log.warning("the status could not be written", task=key.name, namespace=key.namespace, error=str(error))

    @staticmethod
    def _again_in(decision: Decision, delivered: bool, now: datetime) -> float:
        if not delivered:
            return TIMELINE_RETRY_SECONDS
        return max(0.0, (decision.look_again_at - now).total_seconds())
