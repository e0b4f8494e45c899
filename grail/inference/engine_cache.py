"""The last few loaded checkpoints, so that roles in one process share them and a version change costs one load."""

from collections import OrderedDict

from grail.checkpoints.files import Checkpoint
from grail.inference import AUTO, open_engine
from grail.inference.base import Engine

KEPT = 2


class EngineCache:
    """Engines by fingerprint, the least recently used dropped first."""

    def __init__(self, name: str, threads: int = 0, device: str = AUTO) -> None:
        self._name = name
        self._device = device
        self._threads = threads
        self._engines: OrderedDict[bytes, Engine] = OrderedDict()

    def engine(self, checkpoint: Checkpoint) -> Engine:
        """The engine of a checkpoint, loaded when it is not here."""
        if checkpoint.fingerprint not in self._engines:
            if self._threads:
                import torch

                torch.set_num_threads(self._threads)
            self._engines[checkpoint.fingerprint] = open_engine(self._name, checkpoint, self._device)
            if len(self._engines) > KEPT:
                self._engines.popitem(last=False)
        self._engines.move_to_end(checkpoint.fingerprint)
        return self._engines[checkpoint.fingerprint]
