"""A room for untrusted code: programs that models wrote, graders that evaluate answers.

`run` runs one program to its end; `start` leaves one running that is spoken to. `base` says within which limits.
"""

from grail.sandbox.base import Ended, Limits, SandboxRun
from grail.sandbox.bubblewrap import check_sandbox, run, start

__all__ = ["Ended", "Limits", "SandboxRun", "check_sandbox", "run", "start"]
