"""The collections `timeline` and `run`: which columns of the store they show, under which names."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, Table, Uuid

from cronwright.timeline.query import ColumnType
from cronwright_api.jsonapi.collections import Collection
from cronwright_api.jsonapi.documents import Resource
from cronwright_api.store import tables
from cronwright_api.store.rows import Row
from cronwright_api.store.tables import Instant


@dataclass(frozen=True, slots=True)
class StoredCollection:
    """A collection whose rows are in the store. `names` says for each attribute or column name which column of the
    table it is."""

    collection: Collection
    table: Table
    names: Mapping[str, str]

    def resource(self, row: Row, fields: tuple[str, ...] | None = None) -> Resource:
        """Return the resource of `row`, with the attributes in `fields` or with all."""
        shown = self.collection.attributes if fields is None else fields
        return Resource(self.collection.type, str(row["id"]), {name: row[self.names[name]] for name in shown})


def _stored(resource_type: str, table: Table, aliases: dict[str, str]) -> StoredCollection:
    # SQLAlchemy's names are a kind of string of their own, which documents take for no name
    names = {str(column.name): str(column.name) for column in table.c if column.name != "seq"} | aliases
    attributes = tuple(name for name in names if name != "id")
    columns = {name: kind for name, column in names.items() if (kind := _type(table.c[column])) is not None}
    return StoredCollection(Collection(resource_type, attributes, columns), table, names)


def _type(column: Column[object]) -> ColumnType | None:
    if isinstance(column.type, Uuid):
        return ColumnType.UUID
    if isinstance(column.type, Instant):
        return ColumnType.INSTANT
    if isinstance(column.type, BigInteger | Integer):
        return ColumnType.NUMBER
    return ColumnType.TEXT if column.type.python_type is str else None


TIMELINE = _stored("timeline", tables.event, {"reference_id": "id", "updated_at": "created_at"})
RUN = _stored("run", tables.run, {"reference_id": "id", "run_id": "id"})
