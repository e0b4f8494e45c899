"""The first thing that runs in the sandbox: take the limits, become nobody, run the program. Standard library only.

Arguments: user id to become (0 where already nobody), then NAME=VALUE resource limits, "--", interpreter and program.
"""

import os
import resource
import sys


def main() -> None:
    """Never returns."""
    place = sys.argv.index("--")
    uid = int(sys.argv[1])
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    for setting in sys.argv[2:place]:
        name, _, value = setting.partition("=")
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (int(value), int(value)))
    os.execv(sys.argv[place + 1], sys.argv[place + 1 :])


if __name__ == "__main__":
    main()
