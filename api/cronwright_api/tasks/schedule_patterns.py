"""Patterns of schedules, for programs that check or make Tasks by /openapi.json.

Every legal schedule fits them, and most of what fits is legal; what is not, such as 31 February or a range that ends
before it starts, the grammar tells. That is `cronwright.schedule.grammar`; nothing here decides.
"""

from collections.abc import Sequence

from cronwright.schedule.fields import DAY_OF_WEEK, MONTH

_SOMETHING = "|".join(
    (
        r"0?(([1-8][0-9]{0,3}|9[0-9]{0,2})(\.[0-9]{1,2}0?)?|0\.([1-9][0-9]?|0[1-9])0?)h",
        r"0?([1-9][0-9]{0,4}(\.[0-9]0{0,2})?|0\.[1-9]0{0,2})m",
        r"0?[1-9][0-9]{0,6}(\.0{1,3})?s",
        r"[1-9][0-9]{0,6}000ms",
    )
)
"""Parts of a duration that are whole seconds."""
_NOTHING = r"0{1,5}(\.0{1,3})?(h|m|s)|0{1,5}ms"


def _names(names: Sequence[str]) -> str:
    """Return the pattern of names of three letters, large or small."""
    return "|".join("".join(f"[{letter.upper()}{letter}]" for letter in name) for name in names)


def _field(one: str) -> str:
    """Return the pattern of a cron field, whose numbers or names are those that the pattern `one` takes."""
    item = rf"([*?]|H(\({one}-{one}\))?|{one}(-{one})?)(/0*[1-9][0-9]{{0,2}})?"
    return f"{item}(,{item})*"


_CRON = r"[ \t]+".join(
    _field(one)
    for one in (
        "0*[0-5]?[0-9]",
        "0*(1?[0-9]|2[0-3])",
        "0*([1-9]|[12][0-9]|3[01])",
        f"(0*([1-9]|1[0-2])|{_names(MONTH.names)})",
        f"(0*[0-7]|{_names(DAY_OF_WEEK.names)})",
    )
)
_EVERY = rf"@every[ \t]+({_NOTHING}){{0,2}}({_SOMETHING})({_SOMETHING}|{_NOTHING}){{0,2}}"
_PRESETS = "@(yearly|annually|monthly|weekly|daily|midnight|hourly|manual)"

EVERY = rf"^[ \t]*{_EVERY}[ \t]*$"
"""Of `@every`, which counts in UTC."""
IN_A_ZONE = rf"^[ \t]*({_PRESETS}|{_CRON})[ \t]*$"
"""Of schedules that a time zone goes with."""
SCHEDULE = rf"^[ \t]*({_PRESETS}|{_EVERY}|{_CRON})[ \t]*$"
