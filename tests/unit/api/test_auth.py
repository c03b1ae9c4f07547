"""What a review's answer means, what a pod may write, and how long an answer is kept."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cronwright.reasons import Reason
from cronwright.run.ids import manual_run_id, requested_run_id, scheduled_run_id
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_api.auth.cache import AnswerCache
from cronwright_api.auth.identity import Identity, identity_of
from cronwright_api.auth.ownership import PodOfTask
from cronwright_api.auth.reporters import refusal
from cronwright_api.cluster import Answer
from cronwright_api.errors import Unauthenticated, Unavailable

TASK_UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
DUE = datetime(2027, 1, 4, 8, tzinfo=UTC)
POD = PodOfTask(
    "export-1-x",
    "pod-uid",
    "shop",
    "export",
    TASK_UID,
    "a@example.com",
    may_be_scheduled=True,
    is_of_controller=True,
    job_uid="job-uid",
)
BY_HAND = replace(POD, may_be_scheduled=False, is_of_controller=False)
OWN = Event(
    run_id=scheduled_run_id(TASK_UID, DUE),
    scheduled_at=DUE,
    pod_uid="pod-uid",
    attempt=1,
    kind="start",
    reported_by="runner",
    task="export",
    namespace="shop",
    task_uid=TASK_UID,
    title="export",
    trigger="schedule",
    as_user_email="a@example.com",
    pod="export-1-x",
)
MANUAL = replace(OWN, trigger="manual", scheduled_at=None, run_id=manual_run_id(TASK_UID, "job-uid"))
OTHER_UID = "6a3d2c1e-52b4-4b8e-9a55-ffdd0b9a2a77"


@pytest.mark.parametrize(
    ("name", "pod", "event", "attribute"),
    [
        ("all its own", POD, OWN, None),
        ("a further attempt", POD, replace(OWN, attempt=2, kind="end"), None),
        ("without the pod's name", POD, replace(OWN, pod=""), None),
        ("a manual run of a scheduled Job, as with plan manual", POD, replace(OWN, trigger="manual"), None),
        ("another's word", POD, replace(OWN, reported_by="operator"), "reported_by"),
        ("another namespace", POD, replace(OWN, namespace="bank"), "namespace"),
        ("another Task", POD, replace(OWN, task_uid="other"), "task_uid"),
        ("another Task's name", POD, replace(OWN, task="other"), "task"),
        ("another pod", POD, replace(OWN, pod_uid="other"), "pod_uid"),
        ("another pod's name", POD, replace(OWN, pod="other"), "pod"),
        ("another user", POD, replace(OWN, as_user_email="b@example.com"), "as_user_email"),
        ("no user", POD, replace(OWN, as_user_email=None), "as_user_email"),
        ("a user where it runs as none", replace(POD, as_user_email=None), OWN, "as_user_email"),
        ("the schedule, by hand", replace(POD, may_be_scheduled=False), OWN, "trigger"),
        ("by hand", BY_HAND, MANUAL, None),
        ("by hand, of a Task that only runs so", POD, MANUAL, None),
        (
            "on request",
            replace(BY_HAND, request_id="r1"),
            replace(MANUAL, run_id=requested_run_id(TASK_UID, "r1")),
            None,
        ),
        (
            "another request",
            replace(BY_HAND, request_id="r1"),
            replace(MANUAL, run_id=requested_run_id(TASK_UID, "r2")),
            "run_id",
        ),
        ("a request, by hand", BY_HAND, replace(MANUAL, run_id=requested_run_id(TASK_UID, "r1")), "run_id"),
        ("on request for a time", replace(POD, is_of_controller=False), replace(OWN, trigger="manual"), None),
        ("a time, by hand", BY_HAND, replace(OWN, trigger="manual"), "run_id"),
        ("the run of another time", POD, replace(OWN, scheduled_at=DUE + timedelta(minutes=1)), "run_id"),
        ("a run of no time", POD, replace(OWN, scheduled_at=None), "run_id"),
        ("another Job's run", BY_HAND, replace(MANUAL, run_id=manual_run_id(TASK_UID, "other")), "run_id"),
        ("another Task's run", POD, replace(OWN, run_id=scheduled_run_id(OTHER_UID, DUE)), "run_id"),
        ("any id", POD, replace(OWN, run_id=UUID(int=1)), "run_id"),
    ],
)
def test_refusal(name: str, pod: PodOfTask, event: Event, attribute: str | None) -> None:
    refused = refusal(pod, event)
    assert (refused and refused[0]) == attribute, name


SPAN = Span(
    pod_uid="pod-uid",
    reported_by="runner",
    task="export",
    namespace="shop",
    task_uid=TASK_UID,
    title="export",
    reason=Reason.POD_LATE,
    schedule="@every 5s",
    time_zone="Etc/UTC",
    first_at=datetime(2027, 1, 4, 8, tzinfo=UTC),
    last_at=datetime(2027, 1, 4, 9, tzinfo=UTC),
    count=721,
    as_user_email="a@example.com",
    pod="export-1-x",
)


@pytest.mark.parametrize(
    ("name", "pod", "span", "attribute"),
    [
        ("all its own", POD, SPAN, None),
        ("another's word", POD, replace(SPAN, reported_by="operator"), "reported_by"),
        ("another namespace", POD, replace(SPAN, namespace="bank"), "namespace"),
        ("another Task", POD, replace(SPAN, task_uid="other"), "task_uid"),
        ("another Task's name", POD, replace(SPAN, task="other"), "task"),
        ("another pod", POD, replace(SPAN, pod_uid="other"), "pod_uid"),
        ("no pod", POD, replace(SPAN, pod_uid=""), "pod_uid"),
        ("another pod's name", POD, replace(SPAN, pod="other"), "pod"),
        ("another user", POD, replace(SPAN, as_user_email=None), "as_user_email"),
        ("by hand", replace(POD, is_of_controller=False, may_be_scheduled=False), SPAN, "kind"),
        ("by hand, for one time", replace(POD, is_of_controller=False), SPAN, "kind"),
    ],
)
def test_refusal_of_a_span(name: str, pod: PodOfTask, span: Span, attribute: str | None) -> None:
    refused = refusal(pod, span)
    assert (refused and refused[0]) == attribute, name


USER: dict[str, Any] = {
    "username": "system:serviceaccount:shop:default",
    "extra": {"authentication.kubernetes.io/pod-name": ["p"], "authentication.kubernetes.io/pod-uid": ["u"]},
}


def answer(status: int = 201, **said: Any) -> Answer:
    review: dict[str, Any] = {"authenticated": True, "audiences": ["cronwright"], "user": USER}
    return Answer(status, {"status": review | said})


def test_who_a_review_speaks_of() -> None:
    identity = identity_of(answer())
    assert (identity, identity.namespace) == (Identity("system:serviceaccount:shop:default", "p", "u"), "shop")
    person = identity_of(answer(user={"username": "jane"}))
    assert (person, person.namespace) == (Identity("jane", None, None), None)


@pytest.mark.parametrize(
    ("name", "said", "error"),
    [
        ("not known", answer(authenticated=False), Unauthenticated),
        ("another audience", answer(audiences=["other"]), Unauthenticated),
        ("an authenticator that knows no audiences", answer(audiences=None), Unauthenticated),
        ("no user", answer(user=None), Unauthenticated),
        ("no status", Answer(201, {}), Unauthenticated),
        ("the API may not ask", Answer(403, {"message": "forbidden"}), Unavailable),
    ],
)
def test_a_review_that_establishes_nobody(name: str, said: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        identity_of(said)


class Asked:
    """Counts how often it is asked; the time is what the test says."""

    def __init__(self) -> None:
        self.times, self.now, self.error = 0, 0.0, None

    error: Exception | None

    async def __call__(self) -> int:
        self.times += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.times


def test_an_answer_is_kept_for_its_time_only() -> None:
    async def scenario() -> None:
        asked = Asked()
        cache = AnswerCache[str, int](10, 2, clock=lambda: asked.now)
        assert [await cache.get("a", asked), await cache.get("a", asked)] == [1, 1]
        asked.now = 9.9
        assert await cache.get("a", asked) == 1
        asked.now = 10
        assert await cache.get("a", asked) == 2

    asyncio.run(scenario())


def test_of_too_many_answers_the_one_not_used_longest_goes() -> None:
    async def scenario() -> None:
        asked = Asked()
        cache = AnswerCache[str, int](10, 2, clock=lambda: asked.now)
        assert [await cache.get(key, asked) for key in "abacab"] == [1, 2, 1, 3, 1, 4]

    asyncio.run(scenario())


def test_who_asks_meanwhile_waits_for_the_same_answer() -> None:
    async def scenario() -> None:
        asked = Asked()
        cache = AnswerCache[str, int](10, 2)
        assert await asyncio.gather(*(cache.get("a", asked) for _ in range(5))) == [1] * 5

    asyncio.run(scenario())


def test_an_error_goes_to_all_who_wait_and_is_not_kept() -> None:
    async def scenario() -> None:
        asked = Asked()
        cache = AnswerCache[str, int](10, 2)
        asked.error = ValueError("away")
        answers = await asyncio.gather(*(cache.get("a", asked) for _ in range(3)), return_exceptions=True)
        assert ([type(one) for one in answers], asked.times) == ([ValueError] * 3, 1)
        asked.error = None
        assert await cache.get("a", asked) == 2

    asyncio.run(scenario())


def test_who_goes_away_does_not_take_the_others_answer() -> None:
    async def scenario() -> None:
        asked = Asked()
        cache = AnswerCache[str, int](10, 2)
        first = asyncio.create_task(cache.get("a", asked))
        second = asyncio.create_task(cache.get("a", asked))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 1
        assert first.cancelled() or first.cancelling()

    asyncio.run(scenario())
