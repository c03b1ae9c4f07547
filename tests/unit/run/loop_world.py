"""A loop's days, played without a cluster: the product's own decisions and accounting among pods, nodes, kubelets and a
timeline of a few lines each, which do what Kubernetes and the network do to them.

Time is in whole milliseconds since `BEGIN`, the true time; each node has a clock of its own that may be wrong. What is
decided by core is core's own code: whose tick it is (`windows`), what becomes of it (`ticking`), and what the timeline
makes of what it is told (`accounting`, `closing`, `fold`). What the operator does with a CronJob is written here
in short.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

from cronwright.instants import format_seconds, parse_instant
from cronwright.jsontypes import JSONObject
from cronwright.names import LOOP_START_ANNOTATION, TASK_ANNOTATION
from cronwright.observed.cronjob import CronJobFacts, parse_cron_job
from cronwright.observed.job import JobFacts
from cronwright.observed.pod import PodFacts
from cronwright.plan.choose import LoopSettings, Plan, choose
from cronwright.plan.lever import CreateCronJob, ReplaceCronJob, SetLever
from cronwright.plan.loop.jobs import JobWithPods, left_untold
from cronwright.plan.loop.progress import progress
from cronwright.plan.loop.steps import AskToEnd, DeleteWindow, LoopStep, Unserved
from cronwright.plan.manifests import cron_job
from cronwright.plan.windows import Ownership, windows_of
from cronwright.reasons import EXPLANATIONS, Reason
from cronwright.retry import Retry
from cronwright.run.document import Loop, RunDocument, load_document
from cronwright.run.end import EndRequest
from cronwright.run.gate import Due
from cronwright.run.ids import job_name, scheduled_run_id
from cronwright.run.merging import merged_of
from cronwright.run.report import unserved_span
from cronwright.run.termination import dump_undelivered, load_undelivered
from cronwright.run.ticking import (
    Claim,
    Crashed,
    Decision,
    End,
    HandOver,
    Supersede,
    Ticking,
    dump_journal,
    load_journal,
)
from cronwright.schedule.grammar import Every
from cronwright.schedule.grid import go_duration
from cronwright.task import parse_task
from cronwright.timeline.accounting import claimed, without
from cronwright.timeline.closing import end_runs
from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.fold import RunState, fold
from cronwright.timeline.span import Span, dump_span
from support.facts import RUNNER, TASK_UID, a_task

BEGIN = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
SECOND = 1000
"""Milliseconds."""
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

KUBELET = SECOND
"""How long it takes until a pod reads a changed annotation in its file."""
GRACE = 10 * SECOND
"""How long a run that was told to end may take."""
FLUSH = SECOND
BATCH = 100
"""How often, and how much at a time, a ticker posts."""


def instant(ms: int) -> datetime:
    """Return the instant so many milliseconds after `BEGIN`."""
    return BEGIN + timedelta(milliseconds=ms)


def milliseconds(at: datetime) -> int:
    """Return how many whole milliseconds `at` is after `BEGIN`, rounded up."""
    return -((BEGIN - at) // timedelta(milliseconds=1))


class Timeline:
    """The store: events of runs and spans, as posted."""

    def __init__(self) -> None:
        self.up = True
        self.told_twice = False
        """Whether something was taken whose answer was lost, or told again by a ticker that did not know of it: of rows
        that were merged among others nobody can say later that they are the same."""
        self.events: dict[datetime, list[Event]] = {}
        self.spans: list[Span] = []

    def take(self, posted: Sequence[Event | Span], now: datetime) -> None:
        """Take in a batch, as the API does: events, then the ends that claims bring to open runs, then the claims."""
        claims = [one for one in posted if isinstance(one, Span)]
        for one in posted:
            if isinstance(one, Event):
                self._enter(one)
        left = [self._end_runs(claim, now) for claim in claims]
        for claim in filter(None, left):
            ran = [tick for tick in self.events if claim.first_at <= tick <= claim.last_at]
            self.spans = claimed(self.spans, claim, ran)

    def _enter(self, event: Event) -> None:
        assert event.scheduled_at is not None
        known = self.events.setdefault(event.scheduled_at, [])
        inferred = [one for one in known if one.id == event.id and one.reported_by == "operator"]
        if inferred and event.reported_by == "runner":
            known.remove(inferred[0])
        elif any(one.id == event.id for one in known):
            return
        known.append(event)
        self.spans = [part for span in self.spans for part in without(span, event.scheduled_at)]

    def _end_runs(self, claim: Span, now: datetime) -> Span | None:
        latest = [
            events[-1]
            for tick, events in self.events.items()
            if claim.first_at <= tick <= claim.last_at and fold(events).state is not RunState.ENDED
        ]
        ends, left = end_runs(claim, latest, now)
        for end in ends:
            self._enter(end)
        return left


@dataclass
class Node:
    """A node; its clock is `skew` milliseconds ahead of the true time."""

    world: "World"
    skew: int = 0

    def now(self) -> datetime:
        """Return what its clock says."""
        return instant(self.world.now + self.skew)


class Runner:
    """The process that executes ticks. It keeps the ends until the ticker has taken them."""

    def __init__(self, pod: "Pod", name: str) -> None:
        self.pod, self.name = pod, name
        self.under_way: set[datetime] = set()
        self.untold: dict[datetime, Event] = {}
        self.connected = False
        self.ending = False
        self.dead = False

    def known(self) -> set[datetime]:
        """Return what it tells a ticker to which it connects."""
        return self.under_way | set(self.untold)

    def run(self, tick: datetime) -> None:
        """Begin the run of a tick."""
        world = self.pod.world
        world.started[tick].append(self.pod.name)
        self.under_way.add(tick)
        world.after(world.duration(), lambda: self.end(tick, Reason.COMPLETED))

    def stop(self, reason: Reason) -> None:
        """Tell all runs under way to end; each takes up to its grace."""
        for tick in sorted(self.under_way):
            self.pod.world.after(self.pod.world.random.randrange(GRACE), partial(self.end, tick, reason))

    def end(self, tick: datetime, reason: Reason) -> None:
        """The run of a tick is over."""
        if self.dead or tick not in self.under_way:
            return
        self.under_way.discard(tick)
        self.untold[tick] = self.pod.event(tick, "end", reason)
        self.tell()

    def tell(self) -> None:
        """Hand the ends to the ticker, if one listens; and exit if there is nothing else to do."""
        for tick in sorted(self.untold):
            if self.connected and self.pod.take_end(self.untold[tick]):
                self.untold.pop(tick, None)
        if self.ending and not self.under_way and not self.untold:
            self.pod.runner_exits()


class Pod:
    """A pod of a window: ticker, runner, and what is in its emptyDir."""

    def __init__(self, job: "Job", node: Node, name: str) -> None:
        self.world, self.job, self.node, self.name = job.world, job, node, name
        self.journal = ""
        self.spool: list[Event | Span] = []
        self.begun: set[datetime] = set()
        self.ticking: Ticking | None = None
        self.runner: Runner | None = None
        self.end_request: EndRequest | None = None
        self.terminating = self.gone = self.has_started = False
        self.created_at = instant(self.world.now)
        self._generation = 0

    # -- what the kubelet does

    def start(self) -> None:
        """The pod's containers start: the ticker, then the runner."""
        if not self.gone and not self.terminating:
            self.has_started = True
            self.world.operator.poke()
            self.start_ticker()
            self.world.after(self.world.random.randrange(2 * SECOND), self.start_runner)

    def start_ticker(self) -> None:
        """Start the ticker, from the journal of the one before it."""
        if self.gone or self.ticking is not None:
            return
        former = load_journal(self.journal) if self.journal else None
        self._generation += 1
        self.ticking = Ticking(self.job.document, self.job.owned, self.node.now(), former)
        self._keep()
        if self.end_request is not None:
            self._carry_out(self.ticking.asked_to_end(self.end_request, self.node.now()))
        self._connect_soon()
        self._wake(self._generation)
        self._flush_again(self._generation)

    def start_runner(self) -> None:
        """Start the runner."""
        if self.gone or self.terminating or self.runner is not None or self.job.complete:
            return
        self.runner = Runner(self, self.world.name("runner"))
        self._connect_soon()

    def annotate(self, request: EndRequest) -> None:
        """The operator writes the end request; the pod reads it a little later."""

        def read() -> None:
            if self.ticking is not None:
                self._carry_out(self.ticking.asked_to_end(request, self.node.now()))

        self.end_request = request
        self.world.after(KUBELET, read)

    def kill_ticker(self) -> None:
        """The ticker dies, and the kubelet starts another."""
        if self.ticking is not None:
            self.ticking = None
            if self.runner is not None:
                self.runner.connected = False
            self.world.after(self.world.restart(), self.start_ticker)

    def kill_runner(self) -> None:
        """The runner dies with what it had under way, and the kubelet starts another."""
        if self.runner is not None:
            self._lose_runner()
            self.world.after(self.world.restart(), self.start_runner)

    def delete(self) -> None:
        """The pod is told to end: the runner first, then the ticker, within the grace period."""
        if self.gone or self.terminating:
            return
        self.terminating = True
        if self.runner is None:
            self._end_ticker()
            return
        runner = self.runner
        if self.ticking is not None and runner.connected:
            self._carry_out(self.ticking.leaving(self.node.now()))
        runner.ending = True
        runner.stop(Reason.TERMINATED)
        runner.tell()
        self.world.after(GRACE + 5 * SECOND, lambda: self._lose_runner_of(runner))

    def vanish(self) -> None:
        """The node is lost, or the pod is killed all at once: nothing of it is told."""
        if not self.gone:
            self._lose_runner_silently()
            self._leave(told=False)

    # -- what the ticker does with what is decided

    def take_end(self, end: Event) -> bool:
        """Take the end of a run from the runner; False where no ticker is there."""
        if self.ticking is None:
            return False
        self.spool.append(end)
        if self.world.dies_here():
            self.world.timeline.told_twice = True
            self.kill_ticker()
            return False
        assert end.scheduled_at is not None
        self._carry_out(self.ticking.ended(end.scheduled_at))
        return True

    def runner_exits(self) -> None:
        """The runner ends by itself, with nothing left to tell."""
        if not self.terminating:
            self.job.runner_done()
        self._lose_runner()
        self._end_ticker()

    def _wake(self, generation: int) -> None:
        """Call the ticker when it wants to be called, and once a second at the least."""
        if self.ticking is None or generation != self._generation:
            return
        self._carry_out(self.ticking.clock(self.node.now()))
        if self.ticking is None or generation != self._generation:
            return
        wake_at = self.ticking.wake_at()
        wait = 30 * SECOND if wake_at is None else milliseconds(wake_at) - self.world.now - self.node.skew
        self.world.after(min(max(wait, 0), 30 * SECOND) + self.world.held_up(), lambda: self._wake(generation))

    def clock_stepped(self) -> None:
        """The node's clock was set: a timer that waits for an instant goes off."""
        self._generation += 1
        self._wake(self._generation)
        self._flush_again(self._generation)

    def _carry_out(self, decisions: Sequence[Decision]) -> None:
        ticking, runner = self.ticking, self.runner
        assert ticking is not None
        # A ticker that dies before its journal is kept has told nobody of its decisions
        if decisions and self.world.dies_here():
            self.kill_ticker()
            return
        for decision in decisions:
            if isinstance(decision, Claim):
                self.spool.append(self.claim(decision))
            elif isinstance(decision, Crashed):
                self.spool.append(self.event(decision.tick, "end", Reason.RUNNER_CRASHED))
        if decisions and self.world.dies_here():
            self.world.timeline.told_twice = True
            self.kill_ticker()
            return
        self._keep()
        for decision in decisions:
            if isinstance(decision, HandOver | Supersede | End) and self.world.dies_here():
                self.kill_ticker()
                return
            if isinstance(decision, HandOver):
                assert runner is not None and runner.connected, "handed over to nobody"
                runner.run(decision.tick)
            elif isinstance(decision, Supersede) and runner is not None and runner.connected:
                runner.stop(Reason.SUPERSEDED)
            elif isinstance(decision, End) and runner is not None and runner.connected:
                runner.ending = True
                runner.tell()

    def _keep(self) -> None:
        assert self.ticking is not None
        self.journal = dump_journal(self.ticking.journal)

    def _connect_soon(self) -> None:
        self.world.after(self.world.random.randrange(SECOND), self._connect)

    def _connect(self) -> None:
        runner = self.runner
        if self.ticking is None or runner is None or runner.connected or runner.dead:
            return
        runner.connected = True
        self._carry_out(self.ticking.connected(self.node.now(), runner.name, runner.known()))
        if self.ticking is not None and self.terminating:
            self._carry_out(self.ticking.leaving(self.node.now()))
        runner.tell()
        if self.ticking is not None:
            self._carry_out(self.ticking.clock(self.node.now()))

    def _lose_runner(self) -> None:
        runner, self.runner = self.runner, None
        if runner is None:
            return
        runner.dead = True
        if runner.connected and self.ticking is not None:
            self._carry_out(self.ticking.disconnected(self.node.now()))

    def _lose_runner_of(self, runner: Runner) -> None:
        if self.runner is runner and not self.gone:
            self._lose_runner()
            self._end_ticker()

    def _lose_runner_silently(self) -> None:
        if self.runner is not None:
            self.runner.dead = True
        self.runner = self.ticking = None

    def _end_ticker(self) -> None:
        """The kubelet ends the ticker after the runner; it posts what it has."""
        if self.gone:
            return
        if self.ticking is not None:
            self._carry_out(self.ticking.told_to_end())
        self._leave(told=self.ticking is not None)

    def _leave(self, told: bool) -> None:
        if told:
            self._flush()
            if self.spool:
                self._leave_word()
        self._generation += 1
        self.gone, self.ticking = True, None
        self.job.pod_gone()

    def _leave_word(self) -> None:
        """What it could not post it leaves in its termination message, which the operator posts."""
        rows = [row for row in (merged_of(_dumped(posted)) for posted in self.spool) if row is not None]
        word = load_undelivered(dump_undelivered(rows, self.world.every.seconds))
        self.world.operator.deliver(
            [
                self.world.span(row.reason, row.first, row.last, row.total, pod_uid=self.name, pod=self.name)
                for row in word
            ]
        )

    def _flush_again(self, generation: int) -> None:
        if generation == self._generation and not self.gone:
            self._flush()
            self.world.after(FLUSH, lambda: self._flush_again(generation))

    def _flush(self) -> None:
        if self.runner is not None and self.runner.connected:
            for tick in sorted(self.runner.under_way - self.begun):
                self.begun.add(tick)
                self.spool.append(self.event(tick, "start", None))
        while self.spool and self.world.timeline.up:
            batch = self.spool[:BATCH]
            self.world.timeline.take(batch, instant(self.world.now))
            if self.world.answer_is_lost():
                self.world.timeline.told_twice = True
                return
            del self.spool[: len(batch)]

    # -- what is told

    def facts(self) -> PodFacts:
        """Return what the operator sees of it."""
        return PodFacts(
            namespace="shop",
            name=self.name,
            uid=self.name,
            resource_version="1",
            job_uid=self.job.facts.uid,
            job_name=self.job.facts.name,
            task="backup",
            created_at=self.created_at,
            node="node",
            phase="Running" if self.has_started else "Pending",
            reason="",
            message="",
            waiting_reason="",
            waiting_message="",
            unscheduled="",
            running_since=None,
            ended=None,
            end_request=self.end_request,
            deleted=self.terminating,
        )

    def event(self, tick: datetime, kind: Any, reason: Reason | None) -> Event:
        """Return the start or the end of a run in this pod."""
        return Event(
            run_id=scheduled_run_id(TASK_UID, tick),
            pod_uid=self.name,
            pod=self.name,
            attempt=1,
            kind=kind,
            reported_by="runner",
            task="backup",
            namespace="shop",
            task_uid=TASK_UID,
            title="backup",
            trigger="schedule",
            scheduled_at=tick,
            started_at=tick,
            finished_at=None if reason is None else self.node.now(),
            outcome=None if reason is None else EXPLANATIONS[reason].outcome,
            reason=reason,
        )

    def claim(self, decided: Claim) -> Span:
        """Return the claim as it is posted."""
        return self.world.span(
            decided.reason,
            decided.first,
            decided.last,
            decided.total,
            message=decided.message,
            pod_uid=self.name,
            pod=self.name,
        )


class Job:
    """The Job of a window: one pod, and another when that has gone. Its template is the CronJob's of that moment."""

    def __init__(self, world: "World", opened: datetime, template: Mapping[str, Any]) -> None:
        self.world, self.opened = world, opened
        annotations = template["spec"]["template"]["metadata"]["annotations"]
        self.document = load_document(annotations[TASK_ANNOTATION])
        self.plan_start = parse_instant(annotations[LOOP_START_ANNOTATION])
        self.owned: Ownership = world.windows.owned(opened, self.plan_start)
        self.facts = JobFacts(
            namespace="shop",
            name=job_name("backup", opened),
            uid=world.name("job"),
            resource_version="1",
            task="backup",
            task_uid=TASK_UID,
            created_at=instant(world.now),
            document=self.document,
            due=Due(opened, window=True),
            loop_start=self.plan_start,
            scheduled=True,
            active_deadline_seconds=template["spec"]["activeDeadlineSeconds"],
            ended=None,
            ended_at=None,
            end_reason="",
            end_message="",
            deleted=False,
        )
        self.pods: list[Pod] = []
        world.after(template["spec"]["activeDeadlineSeconds"] * SECOND, self._fail)

    @property
    def pod(self) -> Pod | None:
        """The pod that exists, started or not."""
        return next((pod for pod in self.pods if not pod.gone), None)

    @property
    def complete(self) -> bool:
        """Whether the window's runner has ended well."""
        return self.facts.ended == "Complete"

    def make_pod(self) -> None:
        """The Job controller makes a pod, on any node; it starts when the node is ready for it."""
        if self.facts.deleted or self.facts.ended or self.pod is not None:
            return
        made = Pod(self, self.world.random.choice(self.world.nodes), self.world.name("pod"))
        self.pods.append(made)
        self.world.after(self.world.pod_start(), made.start)
        self.world.operator.poke()

    def pod_gone(self) -> None:
        """A pod has ended: so has the Job, or there will be another."""
        if self.facts.deleted:
            self.world.operator.jobs.remove(self)
        elif self.facts.ended is None:
            self.world.after(self.world.replacement(), self.make_pod)
        self.world.operator.poke()

    def runner_done(self) -> None:
        """The pod's runner has ended with exit code 0."""
        self._end("Complete")

    def delete(self) -> None:
        """The Job is deleted in the foreground."""
        self.facts = replace(self.facts, deleted=True)
        self._end_pod()

    def _fail(self) -> None:
        if self.facts.ended is None and self in self.world.operator.jobs:
            self._end("Failed")
            self._end_pod()

    def _end(self, how: str) -> None:
        if self.facts.ended is None:
            self.facts = replace(self.facts, ended=how, ended_at=instant(self.world.now), end_reason=how)
            self.world.operator.poke()

    def _end_pod(self) -> None:
        pod = self.pod
        if pod is None:
            if self.facts.deleted and self in self.world.operator.jobs:
                self.world.operator.jobs.remove(self)
            self.world.operator.poke()
        elif pod.ticking is None and pod.runner is None:
            pod.vanish()
        else:
            pod.delete()


class Operator:
    """The operator, the API server and the CronJob controller. What is due, core decides."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.jobs: list[Job] = []
        self.undelivered: list[Span] = []
        self.lives: list[list[datetime]] = []
        """Since when the Task has been in force, and until when; the last one may be open."""
        self.in_force = False
        self.edited: int | None = None
        """When the Task was last created or resumed."""
        self._generation, self._active = 0, False
        self._cron_job: dict[str, Any] | None = None
        self._remembered: datetime | None = None
        self._made_at = instant(0)
        self._facts: CronJobFacts | None = None
        self._reported: set[str] = set()
        self._away_until = 0
        self._poked = False
        self._wanted: tuple[Plan, JSONObject] | None = None
        self._unopened: list[datetime] = []

    # -- people

    def put_in_force(self) -> None:
        """The Task is created, edited or resumed."""
        if self.world.is_calm:
            return
        self._active = True
        self._generation += 1
        self._wanted = None
        self.poke()

    def pause(self) -> None:
        """The Task is suspended."""
        if self._active:
            self._active = False
            self._wanted = None
            self.poke()

    def go_away(self, ms: int) -> None:
        """The operator is down for a while."""
        self._away_until = self.world.now + ms

    # -- the operator

    def poke(self) -> None:
        """Something has changed: the operator looks soon."""
        if not self._poked:
            self._poked = True
            self.world.after(self.world.random.randrange(50, 500), self._look)

    def look_at(self, at: datetime) -> None:
        """Look again at a time."""
        self.world.at(max(milliseconds(at), self.world.now), self.poke)

    def deliver(self, spans: Sequence[Span]) -> None:
        """Post what a pod left in its termination message, or what nobody served, as soon as the timeline takes it."""
        if not self.undelivered:
            self.world.after(0, self._post)
        self.undelivered += spans

    def is_done(self) -> bool:
        """Return whether every Job has ended, and all is delivered."""
        return (
            self.world.now > self._away_until
            and not self._poked
            and self._unopened == []
            and (not self.lives or len(self.lives[-1]) == 2)
            and all(job.facts.ended is not None and job.pod is None for job in self.jobs)
            and not self.undelivered
        )

    def _look(self) -> None:
        if self.world.now < self._away_until:
            self.world.at(self._away_until, self._look)
            return
        self._poked = False
        plan, manifest = self._plan()
        now = instant(self.world.now)
        for job in self.jobs:
            self._claim_of(job)
        due = progress(self._facts, [self._with_pods(job) for job in self.jobs], manifest, plan, now)
        for step in due.steps:
            self._apply(step, plan)
            if self.world.dies_here():
                self.go_away(self.world.restart())
                self.poke()
                return
        if due.steps:
            self.poke()
        self.in_force = not due.waits_for and self._active
        if due.look_again_at is not None:
            self.look_at(due.look_again_at)

    def _plan(self) -> tuple[Plan, JSONObject]:
        if self._wanted is None:
            manifest = a_task(
                self.world.document.schedule,
                attributes={"generation": self._generation},
                concurrencyPolicy=self.world.shape.policy,
                isActive=self._active,
            )
            task = parse_task(manifest)
            plan = choose(task, LoopSettings(native_every=False, window_seconds=self.world.shape.window))
            self._wanted = plan, cron_job(task, plan, RUNNER)
        return self._wanted

    def _apply(self, step: LoopStep, plan: Plan) -> None:
        match step:
            case CreateCronJob(manifest) | ReplaceCronJob(manifest):
                self._write(manifest)
                self._note_life(manifest)
            case SetLever(time):
                self._remembered = time
            case AskToEnd(facts, request):
                pod = next((pod for job in self.jobs for pod in job.pods if pod.name == facts.uid), None)
                if pod is not None and not pod.gone:
                    pod.annotate(request)
            case DeleteWindow(facts):
                next(job for job in self.jobs if job.facts.uid == facts.uid).delete()
            case Unserved(facts, ticks):
                document = facts.document if facts is not None and facts.document is not None else plan.document
                self._claim(document, ticks, Reason.POD_LATE)
        self._facts = self._cron_job_facts()
        self.world.after(self.world.random.randrange(300), self.sync)

    def _write(self, manifest: Mapping[str, Any]) -> None:
        if self._cron_job is None:
            self._made_at = instant(self.world.now)
        self._cron_job = dict(manifest)

    def _note_life(self, manifest: Mapping[str, Any]) -> None:
        template = manifest["spec"]["jobTemplate"]["spec"]["template"]
        start = template["metadata"]["annotations"].get(LOOP_START_ANNOTATION)
        is_open = self.lives and len(self.lives[-1]) == 1
        if start is None:
            if is_open:
                self.lives[-1].append(min([instant(self.world.now), *self._unserved_starts()]))
        elif not manifest["spec"]["suspend"] and not is_open:
            self.lives.append([parse_instant(start)])
        self._unopened = [parse_instant(start)] if start is not None and manifest["spec"]["suspend"] else []

    def _unserved_starts(self) -> list[datetime]:
        """Return the start of a plan that is paused before its first window's Job was made: it was never in force."""
        former = self._facts.loop_start if self._facts is not None else None
        never_served = former is not None and all(job.plan_start != former for job in self.jobs)
        return [*self._unopened, *([former] if former is not None and never_served else [])]

    def _claim(self, document: RunDocument, ticks: Ownership, reason: Reason) -> None:
        span = unserved_span(document, ticks, reason, "nobody served them")
        if span is not None:
            self.deliver([span])

    def _claim_of(self, job: Job) -> None:
        """Tell what an ended window may have left untold, once."""
        if job.facts.ended is None or job.pod is not None or job.facts.uid in self._reported:
            return
        self._reported.add(job.facts.uid)
        window = JobWithPods(job.facts, tuple(pod.facts() for pod in job.pods[-1:]))
        left = left_untold(window)
        if left is not None:
            self._claim(job.document, left, Reason.POD_LOST)

    def _post(self) -> None:
        if not self.undelivered:
            return
        if self.world.timeline.up:
            self.world.timeline.take(self.undelivered, instant(self.world.now))
            self.undelivered.clear()
        else:
            self.world.after(SECOND, self._post)

    # -- what it sees

    def _cron_job_facts(self) -> CronJobFacts | None:
        if self._cron_job is None:
            return None
        wrote = {"manager": "cronwright", "operation": "Update", "fieldsV1": {"f:spec": {}}}
        seen = {"uid": "cron-job-uid", "resourceVersion": "5", "managedFields": [wrote]}
        status = {"lastScheduleTime": format_seconds(self._remembered)} if self._remembered else {}
        return parse_cron_job({**self._cron_job, "metadata": {**self._cron_job["metadata"], **seen}, "status": status})

    def _with_pods(self, job: Job) -> JobWithPods:
        return JobWithPods(job.facts, tuple(pod.facts() for pod in job.pods if not pod.gone))

    # -- the CronJob controller

    def sync(self) -> None:
        """Start the last window that has opened, if it is not remembered."""
        if self.world.now < self.world.controller_away_until:
            return
        if self._cron_job is None or self._cron_job["spec"]["suspend"]:
            return
        opened = self.world.windows.opened_at_or_before(instant(self.world.now))
        if opened <= (self._remembered or self._made_at):
            return
        self._remembered = opened
        self._facts = self._cron_job_facts()
        if all(job.opened != opened for job in self.jobs):
            made = Job(self.world, opened, self._cron_job["spec"]["jobTemplate"])
            self.jobs.append(made)
            self.world.after(self.world.random.randrange(SECOND), made.make_pod)
            ended = [job for job in self.jobs if job.facts.ended is not None and job.pod is None]
            for job in ended[:-3]:
                self.jobs.remove(job)
        self.poke()


@dataclass(frozen=True)
class Shape:
    """What a world is like. Times in milliseconds; each list is drawn from in turn or at random."""

    every: int
    window: int
    policy: str
    hours: float
    nodes: int
    pod_starts: Sequence[int]
    durations: Sequence[int]
    seed: int
    deadly: float = 0.0
    """How likely a ticker dies at any step of what it carries out."""
    forgetful: float = 0.0
    """How likely the answer of the timeline is lost."""


@dataclass
class World:
    """All of it, and the queue of what happens when."""

    shape: Shape
    now: int = 0
    controller_away_until: int = 0
    started: dict[datetime, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        shape = self.shape
        self.every = Every(shape.every)
        self.windows = windows_of(TASK_UID, shape.window)
        self.random = Random(shape.seed)
        self.nodes = [Node(self) for _ in range(shape.nodes)]
        self.timeline = Timeline()
        self.operator = Operator(self)
        self.document = RunDocument(
            namespace="shop",
            resource_name="backup",
            uid=TASK_UID,
            name="backup",
            label="backup",
            plan="loop",
            schedule=f"@every {go_duration(shape.every)}",
            time_zone="Etc/UTC",
            action_name="http",
            entity_name="",
            attributes={},
            as_user_email=None,
            starting_deadline_seconds=60,
            timeout_seconds=3600,
            retry=Retry(),
            loop=Loop(shape.window, shape.policy),
        )
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order, self._names = count(), count(1)
        self.is_calm = False

    @property
    def length(self) -> int:
        """How long the faults last."""
        return int(self.shape.hours * HOUR)

    def at(self, ms: int, do: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._queue, (ms, next(self._order), do))

    def after(self, ms: int, do: Callable[[], None]) -> None:
        """Do something so much later."""
        self.at(self.now + ms, do)

    def play(self) -> None:
        """Let the Task be created, live through its faults, and be paused; then wait until all is told."""
        self.at(0, self.operator.put_in_force)
        self.at(0, self._full_pass)
        opening = milliseconds(self.windows.opened_at_or_before(BEGIN))
        while opening <= self.length + HOUR:
            if opening > 0:
                self.at(opening, self._controller_wakes)
            opening += self.shape.window * SECOND
        self.at(self.length, self._calm_down)
        self.at(self.length, self.operator.pause)
        # A window's pod may be late and lost, and a run under way may last, but not for ever
        limit = self.length + 6 * HOUR
        while self._queue:
            self.now, _, do = heapq.heappop(self._queue)
            do()
            if self.now > self.length and self.operator.is_done():
                return
            assert self.now < limit, "the pods never end"

    def _controller_wakes(self) -> None:
        if self.now >= self.controller_away_until:
            self.after(self.random.randrange(500), self.operator.sync)

    def controller_goes_away(self, ms: int) -> None:
        """The controller manager is down for a while, less than the margin; its successor looks at every CronJob."""
        ms = min(ms, int(self.windows.margin.total_seconds()) * SECOND // 2)
        self.controller_away_until = self.now + ms
        self.after(ms, self.operator.sync)

    def _full_pass(self) -> None:
        self.operator.poke()
        self.after(10 * MINUTE, self._full_pass)

    def _calm_down(self) -> None:
        self.is_calm = True
        self.timeline.up = True

    # -- chance

    def name(self, kind: str) -> str:
        """Return a new name."""
        return f"{kind}-{next(self._names)}"

    def pod_start(self) -> int:
        """Return how long a pod takes from its creation to its ticker's start."""
        return self.random.choice(self.shape.pod_starts)

    def replacement(self) -> int:
        """Return how long the Job controller takes to replace a pod."""
        return self.random.choice((SECOND, 2 * SECOND, 10 * SECOND))

    def restart(self) -> int:
        """Return how long the kubelet takes to start a container again."""
        return self.random.choice((SECOND, 10 * SECOND, 40 * SECOND))

    def duration(self) -> int:
        """Return how long a run lasts."""
        return self.random.choice(self.shape.durations)

    def held_up(self) -> int:
        """Return how late a ticker is called: mostly some milliseconds, rarely some seconds."""
        chance = self.random.random()
        return self.random.randrange(5 * SECOND) if chance < 0.002 else int(chance * 10)

    def dies_here(self) -> bool:
        """Return whether a ticker dies at this very step."""
        return not self.is_calm and self.random.random() < self.shape.deadly

    def answer_is_lost(self) -> bool:
        """Return whether the timeline took a batch and its answer never came."""
        return not self.is_calm and self.random.random() < self.shape.forgetful

    def span(self, reason: Reason, first: datetime, last: datetime, total: int, **more: Any) -> Span:
        """Return a span of this Task."""
        values: dict[str, Any] = {
            "reported_by": "runner",
            "task": "backup",
            "namespace": "shop",
            "task_uid": TASK_UID,
            "title": "backup",
            "reason": reason,
            "schedule": self.document.schedule,
            "time_zone": "Etc/UTC",
            "first_at": first,
            "last_at": last,
            "count": total,
        }
        return Span(**(values | more))


def _dumped(posted: Event | Span) -> JSONObject:
    return dump_span(posted) if isinstance(posted, Span) else dump_event(posted)
