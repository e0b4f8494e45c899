"""What a key has stated, on disk before it signs: a restored backup or a second start never states two things."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grail.errors import BadInput, Contradiction, SettingsError
from grail.foreign.files import read_text
from grail.foreign.parsing import parse_json
from grail.protocol.units import Address, Digest, WindowId

KEEP_WINDOWS = 256
"""Older statements are forgotten: then nothing is stated about their windows any more."""
MOST_LINES = 2_000
MOST_BYTES = 16 << 20
NOTHING: Digest = bytes(32)
_WHAT = re.compile("[a-z0-9 ,]{1,80}")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a signature says. Contradicts another one on the same thing that says something else.

    what: "commitment of window 7". window: that it is made for, or in. said: hash of all that it says. given: hash of
    the randomness that it follows from; where a reorganisation puts another in its place, so may the statement be.
    Empty where a signature holds whatever the randomness is. `NOTHING` said: there will be no such statement.
    """

    what: str
    window: WindowId
    said: Digest
    given: bytes = b""

    def contradicts(self, other: "Statement") -> bool:
        """Can both not be stated?"""
        apart = bool(self.given and other.given) and self.given != other.given
        return self.what == other.what and self.said != other.said and not apart


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose statements, and on which network: its ledger says it."""

    key: Address
    chain_id: int
    ledger: Address


class SigningHistory:
    """A file of JSON lines, only ever appended to; each line is on the disk before the signature is made.

        {"key": "0x…", "chain": 1, "ledger": "0x…",
         "what": "scores of window 7", "window": 7, "said": "0x…", "given": "0x…"}
        {"key": "0x…", "chain": 1, "ledger": "0x…", "after": 6}

    The second form: nothing new is stated about windows up to 6, for it may contradict what is not known any more.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises SettingsError for a damaged file; a last line without its end never counted."""
        self.path = path
        self._lines: list[dict[str, Any]] = []
        if path.exists():
            whole = read_text(path, "a signing history", most=MOST_BYTES)
            text, _, torn = whole.rpartition("\n")
            self._lines = list(_read(path, text.splitlines()))
            if torn:
                self._rewrite()

    def begin(self, scope: Scope, current: WindowId | None) -> WindowId | None:
        """Call at a start. Where nothing is known of the last window, as after a loss or with an old copy, the current
        one is waited out: somebody may have stated something about it. Returns it then.
        """
        if current is None:
            return None
        told = [line.get("window", line.get("after", 0)) for line in self._of(scope)]
        if told and max(told) >= current - 1:
            return None
        self._append([_line(scope) | {"after": current}])
        return current

    def state(self, scope: Scope, statement: Statement) -> None:
        """Write down what is about to be signed. Raises Contradiction where this key has stated something else."""
        for line in self._of(scope):
            if "after" in line:
                continue
            earlier = _statement(line)
            if earlier == statement:
                return
            if statement.contradicts(earlier) and earlier.said == NOTHING:
                raise Contradiction(f"this key has passed over the {statement.what}: it is not signed any more")
            if statement.contradicts(earlier):
                raise Contradiction(
                    f"this key has signed another {statement.what} already (0x{earlier.said.hex()[:8]}…): a second one "
                    "is not signed. Is the key used in two places?"
                )
        after = self.unknown_up_to(scope)
        if statement.window <= after:
            raise Contradiction(
                f"nothing is known of what this key has signed up to window {after} ({self.path} is new, or an old "
                f"copy): a {statement.what} is not signed; window {after + 1} is the first one again"
            )
        self._append([_line(scope) | _fields(statement)])

    def unknown_up_to(self, scope: Scope) -> WindowId:
        """The last window about which the key may have stated what the file does not know; -1 where there is none."""
        return WindowId(max((line["after"] for line in self._of(scope) if "after" in line), default=-1))

    def knows(self, scope: Scope, what: str) -> bool:
        """Has this key stated anything on this, as far as the file knows?"""
        return any(line.get("what") == what for line in self._of(scope))

    def summary(self) -> list[str]:
        """One line for each key and network."""
        scopes = {(line["key"], line["chain"], line["ledger"]) for line in self._lines}
        return [self._summary(dict(zip(("key", "chain", "ledger"), scope, strict=True))) for scope in sorted(scopes)]

    def _summary(self, scope: dict[str, Any]) -> str:
        lines = [line for line in self._lines if scope.items() <= line.items()]
        stated = [line for line in lines if "what" in line]
        newest = f", the last one: {stated[-1]['what']}" if stated else ""
        place = f"chain {scope['chain']}, ledger {scope['ledger']}"
        return f"{scope['key']} on {place}: {len(stated)} statements{newest}"

    def export(self) -> str:
        """The file's text: for another machine, while nobody works with the key here."""
        return "".join(json.dumps(line, sort_keys=True) + "\n" for line in self._lines)

    def add(self, path: Path) -> int:
        """Take over what another file knows; returns how many lines were new. Raises SettingsError."""
        found = _read(path, read_text(path, "a signing history", most=MOST_BYTES).splitlines())
        new = [line for line in found if line not in self._lines]
        self._append(new)
        return len(new)

    def _of(self, scope: Scope) -> list[dict[str, Any]]:
        mine = _line(scope).items()
        return [line for line in self._lines if mine <= line.items()]

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        before = len(self._lines)
        self._lines += lines
        if len(self._lines) > MOST_LINES:
            self._forget()
            self._rewrite()
            return
        made = not self.path.exists()
        try:
            with self.path.open("a") as file:
                file.write("".join(json.dumps(line, sort_keys=True) + "\n" for line in self._lines[before:]))
                file.flush()
                os.fsync(file.fileno())
            if made:
                _sync_folder(self.path.parent)
        except OSError as error:
            del self._lines[before:]
            raise self._unwritten(error) from error

    def _forget(self) -> None:
        """What is more than KEEP_WINDOWS older than the newest statement of its key, and all but its last `after`."""
        kept: list[dict[str, Any]] = []
        for scope in {(line["key"], line["chain"], line["ledger"]): line for line in self._lines}.values():
            mine = {name: scope[name] for name in ("key", "chain", "ledger")}
            lines = [line for line in self._lines if mine.items() <= line.items()]
            oldest = max(line.get("window", line.get("after", 0)) for line in lines) - KEEP_WINDOWS
            after = max([oldest, *(line["after"] for line in lines if "after" in line)])
            kept += [mine | {"after": after}, *(line for line in lines if line.get("window", -1) > oldest)]
        self._lines = kept

    def _rewrite(self) -> None:
        new = self.path.with_suffix(".new")
        try:
            with new.open("w") as file:
                file.write(self.export())
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> SettingsError:
        return SettingsError(f"could not write {self.path} ({error.strerror}), and nothing is signed without it")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(scope: Scope) -> dict[str, Any]:
    return {"key": f"0x{scope.key.hex()}", "chain": scope.chain_id, "ledger": f"0x{scope.ledger.hex()}"}


def _fields(statement: Statement) -> dict[str, Any]:
    said, given = f"0x{statement.said.hex()}", f"0x{statement.given.hex()}"
    return {"what": statement.what, "window": int(statement.window), "said": said, "given": given}


def _statement(line: dict[str, Any]) -> Statement:
    said, given = (bytes.fromhex(line[name][2:]) for name in ("said", "given"))
    return Statement(line["what"], WindowId(line["window"]), said, given)


def _read(path: Path, lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Checked lines. Raises SettingsError naming the first bad one."""
    for number, text in enumerate(lines, 1):
        try:
            found = parse_json(text.encode(), "a line", most=1_000)
            _check(found)
        except (BadInput, ValueError, TypeError, KeyError) as error:
            raise SettingsError(
                f"expected a signing history at {path}, but line {number} is none ({error}): put a copy in its place; "
                "without one, a window is waited out"
            ) from None
        yield found


def _check(line: Any) -> None:
    """Raises ValueError, TypeError or KeyError for anything but the two forms."""
    forms = ({"key", "chain", "ledger", "after"}, {"key", "chain", "ledger", "what", "window", "said", "given"})
    if not isinstance(line, dict) or set(line) not in forms:
        raise ValueError("it has other fields")
    numbers = [line[name] for name in ("chain", "after", "window") if name in line]
    if any(type(number) is not int or not 0 <= number < 1 << 63 for number in numbers):
        raise ValueError("a number is none")
    sizes = {"key": (20,), "ledger": (20,), "said": (32,), "given": (0, 32)}
    for name in sizes.keys() & line.keys():
        if line[name][:2] != "0x" or len(bytes.fromhex(line[name][2:])) not in sizes[name]:
            raise ValueError(f"{name} is none")
    if "what" in line and not _WHAT.fullmatch(line["what"]):
        raise ValueError("it does not say what was stated")
