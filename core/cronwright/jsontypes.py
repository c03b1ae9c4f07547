"""The types of JSON values, for the few places where free-form JSON is the subject: a Task's attributes and template,
an action's result.
"""

from collections.abc import Mapping, Sequence

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]
JSONObject = Mapping[str, JSON]
