"""The last few loaded checkpoints, so that roles in one process share them and a version change costs one load."""

from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING

from grail.checkpoints.files import Checkpoint
from grail.inference import AUTO, open_engine
from grail.inference.base import Engine

if TYPE_CHECKING:
    from grail.inference.ray_engine import RayWorkers

KEPT = 2


class EngineCache:
    """Engines by fingerprint, the least recently used dropped first."""

    def __init__(self, name: str, threads: int = 0, device: str = AUTO, ray: str = "") -> None:
        """`ray`: address of a cluster that does the replays; empty, they are done here."""
        self._name = name
        self._ray = ray
        self._device = device
        self._threads = threads
        self._engines: OrderedDict[bytes, Engine] = OrderedDict()

    @cached_property
    def _workers(self) -> "RayWorkers":
        from grail.inference.ray_engine import RayWorkers

        return RayWorkers(self._ray, threads=max(1, self._threads))

    @property
    def parallel(self) -> int:
        """Audits that may wait for replays at the same time."""
        return self._workers.count if self._ray else 1

    def engine(self, checkpoint: Checkpoint) -> Engine:
        """The engine of a checkpoint, loaded when it is not here."""
        if checkpoint.fingerprint not in self._engines:
            if self._threads:
                import torch

                torch.set_num_threads(self._threads)
            self._engines[checkpoint.fingerprint] = self._open(checkpoint)
            if len(self._engines) > KEPT:
                self._engines.popitem(last=False)
        self._engines.move_to_end(checkpoint.fingerprint)
        return self._engines[checkpoint.fingerprint]

    def forget(self) -> None:
        """One of them died, on a device that all use: the next use loads them anew."""
        self._engines.clear()

    def _open(self, checkpoint: Checkpoint) -> Engine:
        engine = open_engine(self._name, checkpoint, self._device)
        if not self._ray:
            return engine
        from grail.inference.ray_engine import RayEngine

        return RayEngine(checkpoint, engine, self._workers)
