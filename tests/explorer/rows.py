"""All rows of an index, to compare two of them."""

from typing import Any

from sqlalchemy import select

from grail.storage.chain_tables import BLOCKS, DERIVED, RAW_EVENTS
from grail.storage.database import Database


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows in the order of their keys."""
    with database.engine.connect() as connection:
        ordered = {table.name: select(table).order_by(*table.primary_key) for table in (RAW_EVENTS, BLOCKS, *DERIVED)}
        return {name: [tuple(map(_plain, row)) for row in connection.execute(query)] for name, query in ordered.items()}


def _plain(value: Any) -> Any:
    return repr(value) if isinstance(value, dict | list) else value
