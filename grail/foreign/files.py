"""Small files that people keep: settings, keys, plans. Bounded, UTF-8, and one error for whatever is wrong."""

from pathlib import Path
from typing import Any

from grail.errors import BadInput, SettingsError
from grail.foreign.parsing import MAX_DEPTH, depth, parse_json

MOST_BYTES = 1 << 20


def read_text(path: Path, what: str, remedy: str = "", most: int = MOST_BYTES) -> str:
    """A file's text, without the mark that some editors put before it. `what`: the file, in words.

    Raises SettingsError naming `what`, the path, and `remedy` where the file is not there.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise SettingsError(
            f"expected {what} at {path} ({error.strerror})" + (f": {remedy}" if remedy else "")
        ) from error
    if len(data) > most:
        raise SettingsError(f"expected {what} of at most {most} bytes at {path}, got more: is it the right file?")
    if depth(data) > MAX_DEPTH:
        raise SettingsError(f"{what} at {path} is nested too deeply: is it the right file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"expected {what} as UTF-8 text at {path}, got other bytes: save it as UTF-8") from None


def read_object(path: Path, what: str, remedy: str = "") -> dict[str, Any]:
    """A JSON object from a file. Raises SettingsError."""
    try:
        found = parse_json(read_text(path, what, remedy).encode(), what, most=MOST_BYTES)
    except BadInput as error:
        raise SettingsError(f"{path}: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"expected {what} as a JSON object at {path}, got {type(found).__name__}")
    return found
