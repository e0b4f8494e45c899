"""Where one bug can be seeded: one for each guard, comparison, arithmetic line and connective of the contracts.

Lines, not syntax trees: the sources are formatted by `forge fmt`, so that what stands where is known. What does not
compile with the bug in it is no mutant, and is left out by who runs them.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KNOWN = Path(__file__).resolve().parent / "known_bugs.toml"
LEFT_OUT = ("Errors.sol", "Events.sol")
"""Declarations only."""

GUARD = re.compile(r"^(\s*)if \((.*)\) revert (\w+\.)?\w+\(.*\);$")
CHECK = re.compile(r"^\s*(\w+\.)*(_?require\w+|_only\w+)\(.*\);$")
COMPARISON = re.compile(r" (<=|>=|<|>|==|!=) ")
ARITHMETIC = re.compile(r" (\+|-|\*|/|%|\+=|-=) ")
STEP = re.compile(r"(\+\+|--)(?=\w)")
CONNECTIVE = re.compile(r" (&&|\|\|) ")
OTHER = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "+=": "-=", "-=": "+=",
    "++": "--", "--": "++", "&&": "||", "||": "&&",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One seeded bug: in `file` (under src), line `line` (from one, 0 where `old` names the place) becomes `new`."""

    name: str
    file: str
    line: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The source with the bug in it. Raises ValueError where the place is not there, or not once."""
        if self.line == 0:
            if text.count(self.old) != 1:
                raise ValueError(f"expected the text of mutant {self.name!r} once in {self.file}: update it")
            return text.replace(self.old, self.new)
        lines = text.splitlines(keepends=True)
        if lines[self.line - 1].rstrip("\n") != self.old:
            raise ValueError(f"expected mutant {self.name!r} to be of the sources as they are")
        lines[self.line - 1] = self.new + "\n"
        return "".join(lines)


def known_bugs() -> list[Mutant]:
    """Those that are seeded always."""
    return [
        Mutant(bug["name"], bug["file"], 0, bug["old"], bug["new"]) for bug in tomllib.loads(KNOWN.read_text())["bug"]
    ]


def mutants_of(root: Path) -> list[Mutant]:
    """Every place of every source under `root`, in order of files and lines."""
    files = sorted(path for path in root.rglob("*.sol") if path.name not in LEFT_OUT)
    return [mutant for path in files for mutant in _of_file(path.relative_to(root).as_posix(), path.read_text())]


def _of_file(file: str, text: str) -> Iterator[Mutant]:
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("//", "*", "/*", "import ", "pragma ", "using ", "error ", "event ")):
            continue
        for what, new in _of_line(line):
            name = f"{file}:{number} {what}"
            if name not in seen:
                seen.add(name)
                yield Mutant(name, file, number, line, new)


def _of_line(line: str) -> Iterator[tuple[str, str]]:
    guard = GUARD.match(line)
    if guard:
        yield "guard left out", line.replace(f"if ({guard[2]})", f"if (false && ({guard[2]}))", 1)
    if CHECK.match(line):
        yield "check left out", "// " + line.lstrip()
    if " onlyOwner" in line:
        yield "anybody may", line.replace(" onlyOwner", "")
    for found in COMPARISON.finditer(line):
        yield f"{found[1]} is {OTHER[found[1]]} at {found.start()}", _swapped(line, found)
    for pattern in (ARITHMETIC, STEP):
        for found in list(pattern.finditer(line))[:1]:
            yield f"{found[1]} is {OTHER[found[1]]}", _swapped(line, found)
    for found in CONNECTIVE.finditer(line):
        yield f"{found[1]} is {OTHER[found[1]]} at {found.start()}", _swapped(line, found)


def _swapped(line: str, found: re.Match[str]) -> str:
    return line[: found.start(1)] + OTHER[found[1]] + line[found.end(1) :]
