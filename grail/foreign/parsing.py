"""JSON from strangers: bounded before it is parsed, and one error for whatever is wrong with it."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from grail.errors import BadInput


def parse_json(data: bytes, what: str, *, most: int, unique: bool = True) -> Any:
    """Parse UTF-8 JSON of at most `most` bytes: no NaN or Infinity and, where `unique`, no name twice in an object.

    Raises BadInput naming `what`: also where it is nested deeper than Python recurses, or has an integer of thousands
    of digits.
    """
    if len(data) > most:
        raise BadInput(f"expected at most {most} bytes of {what}, got {len(data)}")
    try:
        hook = _unique if unique else None
        return json.loads(data.decode(), parse_constant=_no_number, object_pairs_hook=hook)
    except RecursionError:
        raise BadInput(f"{what} is nested too deeply") from None
    except ValueError as error:  # with UnicodeDecodeError and JSONDecodeError
        raise BadInput(f"expected {what} as JSON in UTF-8, got: {error}") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:40]!r} stands twice in one object")
        found[name] = value
    return found
