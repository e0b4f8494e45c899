"""One learner on several processes started by torchrun: the first leads, the others do what it does.

    torchrun --nproc-per-node 4 neurons/trainer.py --config trainer.toml

Only the first knows the chain. Folders are read and written by all, so several machines need a share.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from grail.checkpoints.files import Checkpoint
from grail.config import TrainingSettings, local_rank
from grail.inference import CUDA
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.learner import Learner, UpdateReport
from grail.training.sharding import rank, told_by_first


def join(device: str) -> bool:
    """Join the processes of torchrun, where it started this one; is this one to lead?"""
    place = local_rank()
    if place is None:
        return True
    if device == CUDA:
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if device == CUDA else "gloo")
    return rank() == 0


def follow() -> None:
    """Do what the first process does until it leaves."""
    learner: Learner | None = None
    while (told := told_by_first(None)) is not None:
        what, arguments = told
        if what == "learner":
            learner = Learner(*arguments)
        else:
            getattr(learner, what)(*arguments)


def leave() -> None:
    """The first process is done: so are the others."""
    told_by_first(None)
    if dist.is_initialized():
        dist.destroy_process_group()


class LeadingLearner(Learner):
    """The first process's learner; alone, it is a learner."""

    def __init__(
        self, checkpoint: Checkpoint, settings: TrainingSettings, state: Path | None = None, device: str = "cpu"
    ) -> None:
        """As a Learner's."""
        told_by_first(("learner", (checkpoint, settings, state, device)))
        super().__init__(checkpoint, settings, state, device)

    def update(self, groups: Sequence[TrainingGroup], version: int) -> UpdateReport:
        """As a Learner's."""
        told_by_first(("update", (groups, version)))
        return super().update(groups, version)

    def logprobs(self, rollouts: Sequence[TrainingRollout]) -> list[NDArray[np.float32]]:
        """As a Learner's."""
        told_by_first(("logprobs", (rollouts,)))
        return super().logprobs(rollouts)

    def save(self, folder: Path) -> None:
        """As a Learner's."""
        told_by_first(("save", (folder,)))
        super().save(folder)

    def save_state(self, folder: Path) -> None:
        """As a Learner's."""
        told_by_first(("save_state", (folder,)))
        super().save_state(folder)
