"""Read tests/vectors/NAME.json, the cases that Solidity runs too."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"


def cases(name: str) -> list[dict[str, Any]]:
    found = json.loads((FOLDER / f"{name}.json").read_text())["cases"]
    assert found, f"{name}.json holds no cases: a test on it would show nothing"
    return found


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
