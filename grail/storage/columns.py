"""Column types that hold the same values in SQLite and PostgreSQL."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, String, TypeDecorator, types

DIGITS = 78
"""Of 2^256 - 1."""


class Wei(TypeDecorator[int]):
    """An unsigned integer of up to 256 bits, exact, and ordered as a number.

    NUMERIC(78, 0) in PostgreSQL; in SQLite, whose integers end at 2^63, text with leading zeros.
    """

    impl = String(DIGITS)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """What the engine keeps."""
        return dialect.type_descriptor(Numeric(DIGITS, 0) if dialect.name == "postgresql" else String(DIGITS))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """To the engine's value. Raises ValueError below zero and beyond 256 bits."""
        if value is None:
            return None
        if not 0 <= value < 1 << 256:
            raise ValueError(f"expected an unsigned integer of 256 bits, got {value}")
        return Decimal(value) if dialect.name == "postgresql" else str(value).zfill(DIGITS)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """From the engine's value."""
        return None if value is None else int(value)
