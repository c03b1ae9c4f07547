"""What is wrong with a cron field that is not understood, in the words of the Task resource's CEL rules.

Each mistake has words of its own, so that a person learns which one it was. The rules in `crds/task.yaml` ask the same
questions in the same order; tests hold the two together. What a field may hold is `fields`' subject. Only a schedule
that is refused needs this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cronwright.schedule.fields import DAY_OF_MONTH, DAY_OF_WEEK, MONTH, Kind

# Digits at the start of an item, of its H( ) or of a range's end; those of a step are none.
_NUMBER = r"(?:^|(?<=[,(-]))[0-9]+"

_NAMES = {
    MONTH: (
        "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
        "|sep(?:t|tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    ),
    DAY_OF_WEEK: ("sun(?:day)?|mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?"),
}


def explain(text: str, kind: Kind) -> tuple[str, str]:
    """The problem of a field's text that `fields.items` doesn't understand, and the remedy."""
    problem, advice = next(_mistakes(text, kind))
    return f'{kind.word} "{text}" {problem}', f"write {advice}{kind.may_be}"


def _mistakes(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """The text's mistakes, the one to speak of first: the problem, and what the remedy says besides the usual."""
    if re.search("[^!-~]", text):
        yield "holds a character that is not ASCII", ""
    if re.search("^,|,,|,$", text):
        yield "has a comma with nothing on one side of it", ""
    if re.search("/(?:-|0+(?:,|$))", text):
        yield "has a step of less than 1", ""
    if re.search("/0*[1-9][0-9]{3}", text):
        yield "has a step of more than 999", ""
    if re.search("(?:^|[,(-])-[0-9]", text):
        yield "holds a negative number", ""
    yield from _out_of_bounds(text, kind)
    yield from _quartz(text, kind)
    if re.search("(?:^|,)h(?:[(,/]|$)", text):
        yield "holds a small h", "a capital H, or "
    if re.search("(?:^|,)[Rr](?:[(,/]|$)", text):
        yield "asks for a random number with R", "H, whose number stays the same, or "
    yield from _letters(text, kind)
    yield "is not understood", ""


def _out_of_bounds(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    numbers = [(int(number[0]), _is_of_range(number, text)) for number in re.finditer(_NUMBER, text)]
    above = [of_range for number, of_range in numbers if number > kind.high]
    below = [of_range for number, of_range in numbers if number < kind.low]
    for found, where in ((above, f"goes beyond {kind.high}"), (below, f"goes below {kind.low}")):
        if any(found):
            yield f"has a range that {where}", ""
        if found:
            yield where, ""


def _is_of_range(number: re.Match[str], text: str) -> bool:
    return text[: number.start()].endswith("-") or text[number.end() :].startswith("-")


def _quartz(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    if kind is DAY_OF_MONTH:
        if re.search("(?:^|,)[Ll](?:[,Ww-]|$)", text):
            yield (
                "asks for the last day of the month, for which cron has no word",
                "28, which every month has, or 1, which follows the last day, or another of ",
            )
        if re.search("[0-9][Ww](?:,|$)", text):
            yield (
                "asks for the weekday nearest to a day, for which cron has no word",
                "the day alone, whatever its weekday: ",
            )
    if kind is DAY_OF_WEEK:
        if re.search("(?:[0-7]|(?i:sun|mon|tue|wed|thu|fri|sat))[Ll](?:,|$)", text):
            yield (
                "asks for the last such day of the month, for which cron has no word",
                "the day alone, which is every week: ",
            )
        if "#" in text:
            yield (
                "asks for one such day of the month, for which cron has no word",
                "the day alone, which is every week: ",
            )


def _letters(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    if kind not in _NAMES:
        if re.search("[A-GI-Za-z]", text):
            yield "holds a letter other than H", ""
        return
    if not re.search(f"^(?:(?:H|(?i:{_NAMES[kind]}))?[^A-Za-z])*$", text + ","):
        yield f"holds a name that is no {'month' if kind is MONTH else 'day'}", ""
    spelled_out = re.search("[A-Za-z]{4,}", text)
    if spelled_out is not None:
        yield "spells a name out", f"{spelled_out[0][:3].lower()}, or "
