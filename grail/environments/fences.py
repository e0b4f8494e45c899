"""The program in a reply: fenced blocks as models write them. In linear time, because the text is a stranger's.

A fence is a line of three or more backticks or tildes, indented or not, with what it says behind them; the block ends
with a line of at least as many of the same, or with the text (CommonMark 0.31, section 4.5, but for the indentation).
Of several blocks the last that names Python counts, else the last without a name, else the last. What stands before
the end of a section of thoughts (`</think>`) is no part of the reply.
"""

from collections.abc import Iterator

from grail.environments.thoughts import END

PYTHON = frozenset(("python", "python3", "py", "py3"))
SHORTEST = 3


def program_of(completion: str) -> str:
    """The program, or the whole reply where nothing in it is fenced; lines end with \\n."""
    reply = completion.rpartition(END)[2].replace("\r\n", "\n")
    blocks = list(_blocks(reply.split("\n")))
    for wanted in (PYTHON, ("",)):
        named = [program for language, program in blocks if language in wanted]
        if named:
            return named[-1]
    return blocks[-1][1] if blocks else reply


def _blocks(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(language in lower case, program) of each block, in order."""
    mark, language, inside = "", "", list[str]()
    for line in lines:
        bare = line.strip()
        fence, told = _fence(bare)
        if mark:
            if fence.startswith(mark) and not told:
                yield language, "\n".join(inside)
                mark = ""
            else:
                inside.append(line)
        elif fence and not (fence[0] == "`" and "`" in told):
            mark, language, inside = fence, told.partition(" ")[0].lower(), []
        elif fence and told.endswith(fence) and "`" not in told[: -len(fence)]:
            yield "", told[: -len(fence)]
    if mark:
        yield language, "\n".join(inside)


def _fence(bare: str) -> tuple[str, str]:
    """The run of backticks or tildes that a line begins with, three at least, and what it says behind them."""
    mark = bare[:1]
    if mark not in ("`", "~"):
        return "", ""
    run = len(bare) - len(bare.lstrip(mark))
    return (bare[:run], bare[run:].strip()) if run >= SHORTEST else ("", "")
