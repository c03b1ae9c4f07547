"""The line that Kubernetes gets."""

from __future__ import annotations

import pytest

from cronwright.schedule.grammar import Cron, parse
from cronwright.schedule.line import cron_line

LINES = {
    "plain": ("0 3 * * *", "0 3 * * *"),
    "white space": (" 0\t3 *  * * ", "0 3 * * *"),
    "leading zeros": ("05 03 * * *", "5 3 * * *"),
    "names": ("0 9 * JAN,jul mon-fri", "0 9 * 1,7 1-5"),
    "a preset": ("@weekly", "0 0 * * 0"),
    "? is *": ("0 0 ? * 1", "0 0 * * 1"),
    "a step of one stays a star": ("0 0 */1 * 1", "0 0 */1 * 1"),
    "a stepped star stays stepped": ("0 0 */2 * 1", "0 0 */2 * 1"),
    "a star in a list stays": ("0 0 1,* * 1", "0 0 1,* * 1"),
    "a full range is no star": ("0 0 1-31 * 1", "0 0 1-31 * 1"),
    "a step beyond the field": ("*/90 * * * *", "*/90 * * * *"),
    "a start and a step": ("5/15 * * * *", "5/15 * * * *"),
    "a range of one number": ("5-5 * 7-7/2 * *", "5 * 7 * *"),
    "7 is Sunday": ("0 0 * * 7", "0 0 * * 0"),
    "7 with a step": ("0 0 * * 7/2", "0 0 * * 0"),
    "a range up to Sunday": ("0 0 * * 5-7", "0 0 * * 5-6,0"),
    "a range from Saturday": ("0 0 * * sat-7", "0 0 * * 6,0"),
    "a stepped range up to Sunday": ("0 0 * * 5-7/2", "0 0 * * 5-6/2,0"),
    "a stepped range that passes Sunday by": ("0 0 * * 4-7/2", "0 0 * * 4-6/2"),
    "a range from Sunday to Sunday": ("0 0 * * 0-7", "0 0 * * 0-6"),
    "a stepped range from Sunday to Sunday": ("0 0 * * 0-7/7", "0 0 * * 0"),
    "Sunday twice": ("0 0 * * sun-7,3", "0 0 * * 0-6,3"),
}


@pytest.mark.parametrize(("text", "line"), LINES.values(), ids=LINES.keys())
def test_line(text: str, line: str) -> None:
    schedule = parse(text)
    assert isinstance(schedule, Cron)
    assert cron_line(schedule) == line


def test_an_unresolved_h_has_no_line() -> None:
    schedule = parse("H 3 * * *")
    assert isinstance(schedule, Cron)
    with pytest.raises(ValueError, match="before it is resolved"):
        cron_line(schedule)
