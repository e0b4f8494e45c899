"""python neurons/trainer.py --config trainer.toml: one trainer against a JSON-RPC node and a shared object store."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from grail.config import Settings
from grail.protocol.records import Role
from neurons.entry import main
from neurons.wiring import open_node, run_until_stopped


def run(settings: Settings) -> None:
    """Open the node and work until stopped; under torchrun the first process does, and the others train with it."""
    from grail.inference import find_device
    from grail.training.together import follow, join, leave
    from trainer.service import trainer_service

    work = settings.work
    device = find_device(work.device)
    if not join(device):
        follow()
        return
    node = open_node(settings, Role.TRAINER)
    service = trainer_service(
        node, work.folder / "trainer", settings.training, device=device, watchdog_seconds=work.watchdog_seconds
    )
    run_until_stopped(service, work)
    leave()


if __name__ == "__main__":
    main("trainer", run)
