"""python neurons/validator.py --config validator.toml: one validator on a JSON-RPC node and a shared object store."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from grail.config import Settings
from grail.protocol.records import Role
from neurons.entry import main
from neurons.native import mirrored
from neurons.wiring import open_node, run_until_stopped


def run(settings: Settings) -> None:
    """Open the node and work until stopped."""
    from validator.service import validator_service

    work = settings.work
    node = open_node(settings, Role.VALIDATOR)
    service = validator_service(node, watchdog_seconds=work.watchdog_seconds)
    with mirrored(settings, node, service):
        run_until_stopped(service, work)


if __name__ == "__main__":
    main("validator", run)
