"""What is asked of the timeline's tables, other than pages: one row by its id, and the namespaces that there are."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright_api.store import tables
from cronwright_api.store.rows import Row


async def row_by_id(connection: AsyncConnection, table: Table, identity: UUID) -> Row | None:
    """Return the row of `table` with this id, or None."""
    found = await connection.execute(select(table).where(table.c.id == identity))
    return found.mappings().one_or_none()


async def namespaces(connection: AsyncConnection) -> Sequence[str]:
    """Return the namespaces that have runs or rows of the timeline, sorted. A span may be all that there is of one."""
    found = await connection.execute(union(_namespaces(tables.run), _namespaces(tables.event)))
    return sorted(found.scalars())


def _namespaces(table: Table) -> Select[Any]:
    column = table.c.namespace
    # A step in the index for each namespace; DISTINCT would read every row
    step = select(func.min(column).label("namespace")).cte(f"step_{table.name}", recursive=True)
    step = step.union_all(
        select(select(func.min(column)).where(column > step.c.namespace).scalar_subquery()).where(
            step.c.namespace.is_not(None)
        )
    )
    return select(step.c.namespace).where(step.c.namespace.is_not(None))
