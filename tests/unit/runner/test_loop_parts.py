"""The parts of a loop's runner that only compute: what ticker and runner say to each other."""

import pytest

from cronwright_runner.messages import (
    End,
    Ended,
    FromRunner,
    FromTicker,
    Hello,
    Leaving,
    Lines,
    Run,
    Supersede,
    Taken,
    UnderWay,
    dump,
    load_from_runner,
    load_from_ticker,
)

FROM_RUNNER: list[FromRunner] = [
    Hello("a", (UnderWay(5, 1, "2027-01-04T08:00:05Z"), UnderWay(10, 2, None)), (0,)),
    Hello("a", (), ()),
    UnderWay(5, 1, "2027-01-04T08:00:05Z"),
    Ended(3, 5, 1, True, {"kind": "end", "message": "žluťoučký\n"}),
    Leaving(),
]
FROM_TICKER: list[FromTicker] = [Run(5), Taken(3), Supersede(), End()]


@pytest.mark.parametrize("message", FROM_RUNNER, ids=repr)
def test_what_a_runner_says_is_heard(message: FromRunner) -> None:
    assert load_from_runner(dump(message)) == message


@pytest.mark.parametrize("message", FROM_TICKER, ids=repr)
def test_what_a_ticker_says_is_heard(message: FromTicker) -> None:
    assert load_from_ticker(dump(message)) == message


def test_lines_come_whole_however_they_are_cut() -> None:
    lines = Lines()
    assert [lines.add(part) for part in (b"a", b"b\nc", b"", b"\n\nd")] == [[], [b"ab"], [], [b"c", b""]]
