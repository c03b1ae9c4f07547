"""What schemathesis can't know by the description: a name that is free, and that a change names its Task twice."""

import re
from itertools import count
from typing import Any

import schemathesis

_NAME = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,38}[A-Za-z0-9])?")
_numbers = count(1)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Mend what is right by itself; what is to be wrong stays so."""
    data = case.body.get("data") if isinstance(case.body, dict) else None
    if not isinstance(data, dict):
        return
    attributes = data.get("attributes")
    if case.operation.path == "/api/task" and isinstance(attributes, dict):
        name = attributes.get("name")
        if isinstance(name, str) and _NAME.fullmatch(name):
            attributes["name"] = f"{name}-{next(_numbers)}"
    if case.method == "PATCH" and isinstance(data.get("id"), str):
        data["id"] = case.path_parameters.get("identity", data["id"])
