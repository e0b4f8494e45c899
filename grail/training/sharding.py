"""The learner on several processes: FSDP2 shards weights, gradients and optimizer state; every process reads its share.

Without torch.distributed all of this is the identity. Gradients are summed, not averaged: a token's weight already says
what it counts for in the whole minibatch.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

Item = TypeVar("Item")


def world() -> int:
    """Processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This one's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def sharded(policy: nn.Module, layers: Sequence[nn.Module]) -> nn.Module:
    """Shard a module in place, one unit a layer and one for the rest."""
    if world() > 1:
        for module in (*layers, policy):
            unit = fully_shard(module)
            assert isinstance(unit, FSDPModule)
            unit.set_gradient_divide_factor(1.0)
            unit.set_force_sum_reduction_for_comms(True)
    return policy


def share(pieces: Sequence[Item]) -> list[tuple[Item, bool]]:
    """This process's pieces, and whether each counts: all take as many steps, for they meet in every layer."""
    own = [(piece, True) for piece in pieces[rank() :: world()]]
    return own + [(pieces[0], False)] * (-(-len(pieces) // world()) - len(own))


def whole(tensor: Tensor) -> Tensor:
    """A tensor's own value, gathered where it is sharded; every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def summed(values: dict[str, float]) -> dict[str, float]:
    """Sums over all processes."""
    if world() == 1:
        return values
    total = torch.tensor(list(values.values()), dtype=torch.float64)
    dist.all_reduce(total)
    return dict(zip(values, total.tolist(), strict=True))


def told_by_first(value: Any) -> Any:
    """What process 0 passes, on all of them."""
    if world() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]
