"""Posted documents as events and spans: each resource's attributes checked, and an id that it has held against its
key."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from cronwright.jsontypes import JSON
from cronwright.timeline.attributes import EventError, choice
from cronwright.timeline.event import Event, load_event
from cronwright.timeline.span import KIND, Span, load_span
from cronwright_api.errors import Conflict, Invalid
from cronwright_api.jsonapi.bodies import Posted, pointer_token

_GIVEN_BY_THE_STORE = {"event_type", "reference_id", "created_at", "updated_at"}
_EVENT, _SPAN = ({field.name for field in fields(kind)} for kind in (Event, Span))
_GIVEN_TO_SPANS = {"run_id", "attempt", "trigger", "scheduled_at"}
"""What the row of a span has in columns of an event, made from its own."""


def posted_of(resources: Sequence[Posted]) -> list[Event | Span]:
    """Return the events and spans of `resources`.

    Raises:
        Invalid: an attribute is not as it must be.
        Conflict: the id is not the one of the key.
    """
    return [_posted(resource) for resource in resources]


def _posted(resource: Posted) -> Event | Span:
    try:
        one = _loaded(resource.attributes)
    except EventError as error:
        pointer = f"{resource.pointer}/attributes/{pointer_token(error.attribute)}"
        raise Invalid("attribute_invalid", str(error), pointer=pointer) from error
    if resource.id is not None and resource.id.lower() != str(one.id):
        key = "run, pod, attempt and kind" if isinstance(one, Event) else "Task and first fire time"
        detail = f"the id is {resource.id[:80]!a}, but {key} give {one.id}; leave the id out"
        raise Conflict("id_mismatch", detail, pointer=f"{resource.pointer}/id")
    return one


def _loaded(attributes: Mapping[str, JSON]) -> Event | Span:
    kind = choice(attributes, "kind", ("start", "end", KIND))
    # A row that was read can be sent again as it is
    if kind != KIND:
        return load_event(_without(attributes, _GIVEN_BY_THE_STORE, unset=_SPAN - _EVENT))
    return load_span(_without(attributes, _GIVEN_BY_THE_STORE | _GIVEN_TO_SPANS, unset=_EVENT - _SPAN))


def _without(attributes: Mapping[str, JSON], given: set[str], unset: set[str]) -> dict[str, JSON]:
    return {
        name: value
        for name, value in attributes.items()
        if name not in given and not (name in unset and value in (None, ""))
    }
