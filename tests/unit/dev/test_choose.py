"""Which kind of cluster is meant."""

import pytest

from choose import decide
from progress import Failure


@pytest.mark.parametrize(
    ("wanted", "started", "can_pull", "can_start", "expected"),
    [
        ("current", "local", True, True, "current"),
        ("local", None, True, False, "local"),
        ("kind", "local", False, True, "kind"),
        ("", "local", True, True, "local"),
        ("", "kind", False, True, "kind"),
        ("", None, True, True, "kind"),
        ("", None, False, True, "local"),
        ("", "something of an older version", False, True, "local"),
    ],
    ids=[
        "what the caller says, before anything else",
        "even where it will not work: its own sentence says why",
        "even beside another that was started",
        "what was started stays, though an engine appeared",
        "what was started stays, though the engine is away",
        "an engine that can pull: the ordinary way",
        "nothing can be pulled: built here",
        "a kind that is no more is forgotten",
    ],
)
def test_the_kind_is(wanted: str, started: str | None, can_pull: bool, can_start: bool, expected: str) -> None:
    assert decide(wanted, started, lambda: can_pull, can_start) == expected


def test_nobody_asks_the_engine_when_the_answer_is_known() -> None:
    def asked() -> bool:
        raise AssertionError("the engine was asked")

    assert decide("local", None, asked, True) == "local"
    assert decide("", "local", asked, True) == "local"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [("minikube", "CLUSTER is 'minikube': choose one of current, kind, local"), ("", "start Docker")],
    ids=["an unknown kind", "a machine that can do neither"],
)
def test_what_cannot_be_is_said(wanted: str, sentence: str) -> None:
    with pytest.raises(Failure, match=sentence):
        decide(wanted, None, lambda: False, False)
