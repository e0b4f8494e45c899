"""A trainer's duties."""

from pathlib import Path

from grail.config import TrainingSettings
from grail.runtime.claim import Claim
from grail.runtime.node import Node
from grail.runtime.service import Service
from grail.runtime.watch import Watch
from trainer.duties.learn import Learn


def trainer_service(
    node: Node, folder: Path, settings: TrainingSettings, *, device: str = "cpu", watchdog_seconds: float = 60.0
) -> Service:
    """The service of one trainer; `folder` keeps its optimizer state."""
    folder.mkdir(parents=True, exist_ok=True)
    return Service(
        node, [Watch(node), Learn(node, folder, settings, device), Claim(node)], watchdog_seconds=watchdog_seconds
    )
