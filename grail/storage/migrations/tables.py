"""Tables of a revision, written as one line each: name:type of each column; ! of the primary key, ? may be empty, *
indexed.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from grail.storage.columns import Wei

TYPES: dict[str, sa.types.TypeEngine[Any] | Wei] = {
    "w": Wei(), "j": sa.JSON(), "b": sa.BigInteger(), "h": sa.SmallInteger(), "f": sa.Boolean(), "t": sa.Text(),
    "i": sa.Integer(),
}  # fmt: skip
"""By letter; s and a number is a text of at most so many characters."""


def make(tables: Mapping[str, str]) -> None:
    """Make them, with their indices."""
    for table, columns in tables.items():
        made: list[sa.Column[Any]] = []
        indexed: list[str] = []
        for column in columns.split():
            name, _, rest = column.partition(":")
            kind = rest.rstrip("!?*")
            of_type: Any = sa.String(int(kind[1:])) if kind[0] == "s" else TYPES[kind]
            key = "!" in rest
            made.append(sa.Column(name, of_type, primary_key=key, nullable="?" in rest, autoincrement=False))
            indexed += [name] if "*" in rest else []
        op.create_table(table, *made)
        for name in indexed:
            op.create_index(f"ix_{table}_{name}", table, [name])
