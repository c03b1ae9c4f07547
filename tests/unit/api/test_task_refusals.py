"""What Kubernetes says to a write, in the words of this API and with a pointer to the attribute."""

from typing import Any

import pytest

from cronwright_api.cluster import Answer
from cronwright_api.tasks.refusals import in_http_words, pointer_to, refusal


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("spec.schedule", "/schedule"),
        ("spec.retry.backoffSeconds", "/retry/backoff_seconds"),
        ("spec.template.metadata.labels", "/template/metadata/labels"),
        ("spec.template.spec.containers[0].image", "/template/spec/containers/0/image"),
        ("spec.asUserEmail", "/as_user_email"),
        ("metadata.name", "/name"),
        ("metadata.namespace", "/namespace"),
        ("metadata", ""),
        ("spec", ""),
        ("<nil>", ""),
        ("", ""),
        ("spec.color", ""),
    ],
)
def test_pointer(field: str, pointer: str) -> None:
    assert pointer_to(field) == f"/data/attributes{pointer}"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("timeZone has no effect; remove timeZone", "time_zone has no effect; remove time_zone"),
        ("spec.asUserEmail is x", "as_user_email is x"),
        ("write isActive: false", "write is_active: false"),
        ("spec.schedule is x", "spec.schedule is x"),
    ],
)
def test_words(sentence: str, expected: str) -> None:
    assert in_http_words(sentence) == expected


def answer(status: int, message: str = "", *causes: dict[str, str]) -> Answer:
    body: dict[str, Any] = {"message": message}
    return Answer(status, body | ({"details": {"causes": list(causes)}} if causes else {}))


def test_each_cause_is_an_error_of_its_own() -> None:
    problem = refusal(
        answer(
            422,
            "all of it",
            {"field": "spec.schedule", "message": 'Invalid value: "x": schedule "x" is not five fields'},
            {"field": "spec.timeoutSeconds", "message": "Invalid value: 0: timeoutSeconds should be at least 1"},
            {"field": "<nil>", "message": "some validation rules were not checked because the object was invalid"},
            {"field": "spec.template.metadata.labels", "message": "Invalid value: template.metadata.labels holds x: y"},
        )
    )
    said = [(one.status, one.pointer, one.detail) for one in (problem, *problem.others)]
    assert said == [
        (422, "/data/attributes/schedule", 'schedule "x" is not five fields'),
        (422, "/data/attributes/timeout_seconds", "timeout_seconds should be at least 1"),
        (422, "/data/attributes/template/metadata/labels", "template.metadata.labels holds x: y"),
    ]


def test_a_field_that_kubernetes_does_not_know() -> None:
    message = 'strict decoding error: unknown field "spec.template.kind", unknown field "spec.template.x"'
    problem = refusal(answer(400, message))
    assert [(one.status, one.pointer) for one in (problem, *problem.others)] == [
        (422, "/data/attributes/template/kind"),
        (422, "/data/attributes/template/x"),
    ]


@pytest.mark.parametrize(
    ("name", "said", "status", "code", "pointer"),
    [
        ("a policy", answer(422, "denied by policy p: no"), 422, "kubernetes_refuses", "/data/attributes"),
        ("a webhook's 400", answer(400, "webhook w denied: no"), 400, "kubernetes_refuses", "/data/attributes"),
        ("rights, or a webhook's 403", answer(403, "no"), 403, "kubernetes_forbids", None),
        ("a token that has ended", answer(401, "no"), 401, "token_unknown", None),
        ("a conflict", answer(409, "no"), 409, "kubernetes_conflict", None),
        ("too large", answer(413, "no"), 422, "task_too_large", "/data/attributes"),
        ("no answer of Kubernetes", answer(302), 503, "kubernetes_unavailable", None),
    ],
)
def test_status(name: str, said: Answer, status: int, code: str, pointer: str | None) -> None:
    problem = refusal(said)
    assert (problem.status, problem.code, problem.pointer) == (status, code, pointer), name
