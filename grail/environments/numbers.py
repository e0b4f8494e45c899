"""A number in a reply, however it is written: for models that were never taught one notation.

The reply's last expression, in LaTeX or plain, as math-verify reads it, must be a plain number and equal to the
answer. A sum that comes to it is none: else to repeat the question would earn. The reply is a stranger's, and the
library's parser has no bound of its own: it runs in the sandbox.
"""

import re
from functools import cache, lru_cache

from grail.environments.base import RIGHT, WRONG, Grade
from grail.environments.pinned import ENVS, require_version
from grail.environments.sandboxed import SandboxedLibrary, grade_of

VERSIONS = {"math-verify": "0.9.0", "latex2sympy2_extended": "1.11.0", "sympy": "1.14.0"}
"""What they read as a number is part of the protocol."""
LONGEST = 1 << 12
"""Characters of a reply that are read: its last ones."""
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


def is_number(answer: str) -> bool:
    """May replies be compared with this answer?"""
    return _NUMBER.fullmatch(answer) is not None


def same_number(answer: str, reply: str) -> Grade:
    """One where the reply's last number is the answer. Raises Unavailable without the libraries or a sandbox."""
    if reply.strip() == answer:
        return Grade(RIGHT, "right")
    reply = reply[-LONGEST:]
    if not reply.isascii():
        return Grade(WRONG, "expected a reply in ASCII")
    return grade_of(*_scored(answer, reply), by="math-verify")


@lru_cache(maxsize=4_096)
def _scored(answer: str, reply: str) -> tuple[float, float]:
    return _library().score(answer=answer, reply=reply)


@cache
def _library() -> SandboxedLibrary:
    for name, wanted in VERSIONS.items():
        require_version(name, wanted, ENVS)
    return SandboxedLibrary("math_scores", list(VERSIONS))
