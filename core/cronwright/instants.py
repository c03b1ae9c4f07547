"""Instants as they are written in documents: RFC 3339 in UTC, whole seconds where the source has them."""

from datetime import UTC, datetime


def format_instant(instant: datetime) -> str:
    """Return `instant` (aware, any zone) as RFC 3339 in UTC with a `Z`; microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_seconds(instant: datetime) -> str:
    """Return `instant` (aware) as RFC 3339 in UTC cut to whole seconds, the form of Kubernetes' metav1.Time."""
    return format_instant(instant.replace(microsecond=0))


def parse_instant(text: str) -> datetime:
    """Return the aware UTC datetime of an RFC 3339 `text`.

    Raises:
        ValueError: `text` is not RFC 3339, has no zone, or is outside the years 1 to 9999 in UTC.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it as 2027-01-04T08:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC") from None
