"""JSON from strangers: bounded before it is parsed, and one error for whatever is wrong with it."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from grail.errors import BadInput


def parse_json(data: bytes, what: str, *, most: int) -> Any:
    """Parse UTF-8 JSON of at most `most` bytes: no NaN or Infinity, no name twice in an object.

    Raises BadInput naming `what`: also where it is nested deeper than Python recurses, or has an integer of thousands
    of digits.
    """
    if len(data) > most:
        raise BadInput(f"expected at most {most} bytes of {what}, got {len(data)}")
    try:
        return json.loads(data.decode(), parse_constant=_no_number, object_pairs_hook=_unique)
    except RecursionError:
        raise BadInput(f"{what} is nested too deeply") from None
    except ValueError as error:  # with UnicodeDecodeError and JSONDecodeError
        raise BadInput(f"expected {what} as JSON in UTF-8, got: {error}") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the name {twice[:40]!r} stands twice in one object")
    return found
