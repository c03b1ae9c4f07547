"""What a list needs to know of a collection: its type, and the columns that may be shown, sorted by and asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from cronwright.timeline.query import ColumnType


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of resources. `attributes` are all it shows; `columns` those of them that can be asked for, with
    their types. `by_row`: pages can begin behind or ahead of a row, for collections that only grow."""

    type: str
    attributes: tuple[str, ...]
    columns: Mapping[str, ColumnType]
    by_row: bool = True
