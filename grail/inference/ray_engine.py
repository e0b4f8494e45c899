"""Replays on a Ray cluster: every worker loads the checkpoint once; whoever is free takes the next piece.

A worker that dies is started again by Ray, which then repeats what the worker was replaying: a piece is a pure function
of the checkpoint and its requests. Rollouts are generated here, by the engine that this one stands in front of.
"""

import atexit
import itertools
import queue
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.errors import Unavailable
from grail.inference.base import Engine, Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.proofs.sketch import SketchPlan
from grail.protocol.units import Digest
from grail.telemetry.log import get_logger

PIECE = 16
"""Rollouts of one task: what an audit draws at once."""
LOCAL = "local"
REGISTERED, FLOAT32 = "", "float32"
"""Variants of a checkpoint besides its approximations, which go by their names."""


class RayWorkers:
    """The workers of one cluster, shared by all checkpoints of a process."""

    def __init__(self, address: str, count: int = 0, threads: int = 1) -> None:
        """`address`: of a running cluster, "auto", or "local" for one on this machine. `count` 0: one worker for each
        GPU, or where there is none, for each CPU.

        Raises Unavailable where Ray is not installed or nobody answers.
        """
        try:
            import ray
        except ImportError as error:
            raise Unavailable("work.ray needs Ray: pip install 'grail-network[ray]' -c constraints.txt") from error
        self._ray = ray
        try:
            if not ray.is_initialized():
                ray.init(
                    address=None if address == LOCAL else address,
                    num_cpus=(count or None) if address == LOCAL else None,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise Unavailable(f"no Ray cluster answers at {address!r}: ray start --head, or --ray local") from error
        atexit.register(ray.shutdown)
        there = ray.cluster_resources()
        gpus = int(there.get("GPU", 0))
        self.count = count or gpus or max(1, int(there.get("CPU", 1)) // threads)
        kind = ray.remote(num_cpus=threads, num_gpus=1 if gpus else 0, max_restarts=-1, max_task_retries=-1)(_Worker)
        self._all = [kind.remote(threads, "cuda" if gpus else "cpu") for _ in range(self.count)]
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for worker in self._all:
            self._free.put(worker)
        self._files: dict[bytes, Any] = {}
        get_logger().info("replays go to Ray", address=address, workers=self.count, device="GPU" if gpus else "CPU")

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return self._ray.get([worker.pid.remote() for worker in self._all])

    def stop(self) -> None:
        """End the workers and give back what they hold of the cluster."""
        for worker in self._all:
            self._ray.kill(worker)

    def replay(
        self, checkpoint: Checkpoint, pieces: Sequence[list[ReplayRequest]], plan: SketchPlan, variant: str
    ) -> list[list[ReplayTrace]]:
        """Every piece's traces, in order. Errors of the checkpoint or the requests are raised as the engine's own."""
        files = self._files_of(checkpoint)
        waiting = list(range(len(pieces)))[::-1]
        running: dict[Any, tuple[int, Any]] = {}
        done: dict[int, list[ReplayTrace]] = {}
        try:
            while waiting or running:
                while waiting and (worker := self._take(block=not running)) is not None:
                    place = waiting.pop()
                    task = worker.replay.remote(files, checkpoint.fingerprint, pieces[place], plan, variant)
                    running[task] = place, worker
                (task,), _ = self._ray.wait(list(running), num_returns=1)
                place, worker = running.pop(task)
                self._free.put(worker)
                done[place] = self._ray.get(task)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        finally:
            for _, worker in running.values():
                self._free.put(worker)
        return [done[place] for place in range(len(pieces))]

    def _take(self, block: bool) -> Any:
        """A free worker; None where there is none and one need not wait."""
        try:
            return self._free.get(block=block)
        except queue.Empty:
            return None

    def _files_of(self, checkpoint: Checkpoint) -> Any:
        if checkpoint.fingerprint not in self._files:
            self._files.clear()  # of the version before: let the cluster forget it
            files = {path.name: path.read_bytes() for path in checkpoint.folder.iterdir() if path.is_file()}
            self._files[checkpoint.fingerprint] = self._ray.put(files)
        return self._files[checkpoint.fingerprint]


class RayEngine:
    """An engine whose replays are spread over a cluster."""

    def __init__(self, checkpoint: Checkpoint, inner: Engine, workers: RayWorkers, variant: str = REGISTERED) -> None:
        self._checkpoint = checkpoint
        self._inner = inner
        self._workers = workers
        self._variant = variant

    @property
    def reader(self) -> Engine:
        """The engine in front of which this one stands."""
        return self._inner

    @property
    def fingerprint(self) -> Digest:
        """Of the checkpoint."""
        return self._checkpoint.fingerprint

    def in_float32(self) -> "RayEngine":
        """The same weights replayed in float32 by the workers."""
        return RayEngine(self._checkpoint, self._inner, self._workers, FLOAT32)

    def approximated(self, name: str) -> "RayEngine":
        """Cheaper weights, replayed by the workers."""
        return RayEngine(self._checkpoint, self._inner, self._workers, name)

    def generate(
        self, requests: Sequence[RolloutRequest], plan: SketchPlan, *, greedy: bool = False
    ) -> list[Generation]:
        """By the engine of this process."""
        return self._inner.generate(requests, plan, greedy=greedy)

    def replay(self, requests: Sequence[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        """In pieces, on whoever is free."""
        pieces = [list(requests[first : first + PIECE]) for first in range(0, len(requests), PIECE)]
        return list(itertools.chain(*self._workers.replay(self._checkpoint, pieces, plan, self._variant)))


class _Worker:
    """Runs in a Ray actor: the last checkpoint that it was asked for, loaded."""

    def __init__(self, threads: int, device: str) -> None:
        self._threads, self._device = threads, device
        self._engine: Any = None
        self._loaded: tuple[bytes, str] | None = None
        self._folder = tempfile.TemporaryDirectory()

    def pid(self) -> int:
        """Of this process."""
        import os

        return os.getpid()

    def replay(
        self,
        files: dict[str, bytes],
        fingerprint: Digest,
        requests: list[ReplayRequest],
        plan: SketchPlan,
        variant: str,
    ) -> list[ReplayTrace]:
        """As the engine's."""
        if self._loaded != (fingerprint, variant):
            self._load(files, fingerprint, variant)
        return self._engine.replay(requests, plan)

    def _load(self, files: dict[str, bytes], fingerprint: Digest, variant: str) -> None:
        import torch

        from grail.inference.cpu_instructions import avoid_broken_instructions
        from grail.inference.transformers_engine import TransformersEngine

        if self._device == "cpu":
            avoid_broken_instructions()
            torch.set_num_threads(self._threads)
        folder = Path(self._folder.name) / fingerprint.hex()
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        engine = TransformersEngine(open_checkpoint(folder, fingerprint), self._device)
        if variant == FLOAT32:
            engine = engine.in_float32()
        elif variant != REGISTERED:
            engine = engine.approximated(variant)
        self._engine = engine
        self._loaded = fingerprint, variant
