"""python neurons/miner.py --config miner.toml: one miner against a JSON-RPC node and a shared object store."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from grail.config import Settings
from grail.protocol.records import Role
from neurons.entry import main
from neurons.wiring import open_node, run_until_stopped

if TYPE_CHECKING:
    from miner.duties.solve import Solve


def run(settings: Settings, solve: "type[Solve] | None" = None) -> None:
    """Open the node and work until stopped. `solve`: another way of working than the honest one."""
    from miner.duties.solve import Solve
    from miner.service import miner_service

    work = settings.work
    node = open_node(settings, Role.MINER)
    service = miner_service(
        node,
        groups=work.groups,
        solve=solve or Solve,
        defend=solve is None,
        watchdog_seconds=work.watchdog_seconds,
    )
    run_until_stopped(service, work)


if __name__ == "__main__":
    main("miner", run)
