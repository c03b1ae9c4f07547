"""Posted documents as events: each resource's attributes checked, and an id that it has held against its key."""

from collections.abc import Sequence

from cronwright.timeline.attributes import EventError
from cronwright.timeline.event import Event, load_event
from cronwright_api.errors import Conflict, Invalid
from cronwright_api.jsonapi.bodies import Posted, pointer_token

_GIVEN_BY_THE_STORE = {"event_type", "reference_id", "created_at", "updated_at"}


def events_of(resources: Sequence[Posted]) -> list[Event]:
    """Return the events of `resources`.

    Raises:
        Invalid: an attribute is not as it must be.
        Conflict: the id is not the one of the event's key.
    """
    return [_event(resource) for resource in resources]


def _event(resource: Posted) -> Event:
    # A row that was read can be sent again as it is
    attributes = {name: value for name, value in resource.attributes.items() if name not in _GIVEN_BY_THE_STORE}
    try:
        event = load_event(attributes)
    except EventError as error:
        pointer = f"{resource.pointer}/attributes/{pointer_token(error.attribute)}"
        raise Invalid("attribute_invalid", str(error), pointer=pointer) from error
    if resource.id is not None and resource.id.lower() != str(event.id):
        detail = f"the id is {resource.id[:80]!a}, but run, pod, attempt and kind give {event.id}; leave the id out"
        raise Conflict("id_mismatch", detail, pointer=f"{resource.pointer}/id")
    return event
