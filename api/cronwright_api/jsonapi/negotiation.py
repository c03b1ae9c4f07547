"""Media types in and out (https://jsonapi.org/format/1.1/#content-negotiation)."""

from collections.abc import Mapping

from cronwright_api.errors import NotAcceptable, UnsupportedMediaType

MEDIA_TYPE = "application/vnd.api+json"
EVENT_STREAM = "text/event-stream"

_REMEDY = f"write {MEDIA_TYPE}, or leave it out"


def check_accept(accept: str | None) -> None:
    """Check that an Accept header leaves us a choice.

    Raises:
        NotAcceptable: it takes nothing that we can send.
    """
    if accept is None or not accept.strip():
        return
    for part in _split(accept, ","):
        media_type, parameters = _parsed(part)
        quality = parameters.pop("q", "1")
        if media_type in ("*/*", "application/*", "application/json") and not _is_zero(quality):
            return
        # `ext` names extensions, of which there is none here; any other parameter but `profile` spoils the media type
        if media_type == MEDIA_TYPE and not _is_zero(quality) and not set(parameters) - {"profile"}:
            return
    raise NotAcceptable("not_acceptable", f"Accept takes nothing that is sent here; {_REMEDY}", header="Accept")


def check_accept_stream(accept: str | None) -> None:
    """Check that an Accept header takes an event stream. Raises as `check_accept`."""
    if accept is None or not accept.strip():
        return
    for part in _split(accept, ","):
        media_type, parameters = _parsed(part)
        if media_type in ("*/*", "text/*", EVENT_STREAM) and not _is_zero(parameters.get("q", "1")):
            return
    raise NotAcceptable("not_acceptable", f"a stream is sent as {EVENT_STREAM}; write that", header="Accept")


def check_content_type(content_type: str | None) -> None:
    """Check the media type of a body.

    Raises:
        UnsupportedMediaType: it is neither JSON:API nor plain JSON, or has a parameter that we don't know.
    """
    if content_type is None:
        raise UnsupportedMediaType(
            "content_type_missing", f"Content-Type is missing; write {MEDIA_TYPE}", header="Content-Type"
        )
    media_type, parameters = _parsed(content_type)
    if (
        media_type == "application/json"
        and parameters.get("charset", "utf-8").lower() == "utf-8"
        and not set(parameters) - {"charset"}
    ):
        return
    if media_type != MEDIA_TYPE:
        raise UnsupportedMediaType(
            "content_type_unknown", f"Content-Type is {media_type[:80]!a}; write {MEDIA_TYPE}", header="Content-Type"
        )
    for name in parameters:
        if name == "ext":
            raise UnsupportedMediaType(
                "extension_unknown", "no JSON:API extension is known here; leave ext out", header="Content-Type"
            )
        if name != "profile":
            raise UnsupportedMediaType(
                "media_type_parameter",
                f"Content-Type has the parameter {name[:80]!a}; leave it out",
                header="Content-Type",
            )


def _parsed(part: str) -> tuple[str, dict[str, str]]:
    media_type, *rest = _split(part, ";")
    parameters: Mapping[str, str] = {
        name.strip().lower(): value.strip().strip('"')
        for name, _, value in (piece.partition("=") for piece in rest)
        if name.strip()
    }
    return media_type.strip().lower(), dict(parameters)


def _split(text: str, separator: str) -> list[str]:
    """Split at `separator` outside quotes: a profile's URI may hold commas and semicolons."""
    pieces, quoted = [""], False
    for character in text:
        quoted ^= character == '"'
        if character == separator and not quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


def _is_zero(quality: str) -> bool:
    try:
        return float(quality) == 0
    except ValueError:
        return False
