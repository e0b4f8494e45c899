"""JSON from strangers: bounded before it is parsed, and one error for whatever is wrong with it."""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from grail.errors import BadInput

MAX_DEPTH = 64
"""Objects and arrays within each other. Counted before anything is parsed: where a library has raised Python's own
recursion limit, deep JSON overflows the C stack and ends the process.
"""
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.?)*+(?:"|\Z)', re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def parse_json(data: bytes, what: str, *, most: int, strict: bool = True) -> Any:
    """Parse UTF-8 JSON of at most `most` bytes; where `strict`, without NaN, Infinity, or a name twice in an object.

    Raises BadInput naming `what`: also where it is nested deeper than `MAX_DEPTH`, or has an integer of thousands of
    digits.
    """
    if len(data) > most:
        raise BadInput(f"expected at most {most} bytes of {what}, got {len(data)}")
    if depth(data) > MAX_DEPTH:
        raise BadInput(f"{what} is nested too deeply")
    try:
        if not strict:
            return json.loads(data.decode())
        return json.loads(data.decode(), parse_constant=_no_number, object_pairs_hook=_unique)
    except ValueError as error:  # with UnicodeDecodeError and JSONDecodeError
        raise BadInput(f"expected {what} as JSON in UTF-8, got: {error}") from None


def depth(data: bytes) -> int:
    """Of the brackets outside JSON's strings, in linear time."""
    bare = np.frombuffer(_STRINGS.sub(b"", data), dtype=np.uint8)
    return int(_STEPS[bare].cumsum(dtype=np.int64).max(initial=0))


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:40]!r} stands twice in one object")
        found[name] = value
    return found
