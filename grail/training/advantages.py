"""Group-relative advantages: from the rewards of one group to one number a rollout."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

EPSILON = 1e-4


def group_normalised(rewards: Sequence[float]) -> list[float]:
    """A_i = (r_i − mean) / (std + 1e-4) over one group, population std.

    Source: Shao et al., "DeepSeekMath", 2024, section 4.1 (GRPO). All zero for a group whose rewards are equal.
    """
    values = np.asarray(rewards, dtype=np.float64)
    return ((values - values.mean()) / (values.std() + EPSILON)).tolist()


def centred(rewards: Sequence[float]) -> list[float]:
    """A_i = r_i − mean: hard and easy groups weigh as their rewards vary (Liu et al., "Dr. GRPO", arXiv:2503.20783)."""
    values = np.asarray(rewards, dtype=np.float64)
    return (values - values.mean()).tolist()


def leave_one_out(rewards: Sequence[float]) -> list[float]:
    """A_i = r_i − mean of the others, unbiased (Kool et al. 2019; Ahmadian et al., "RLOO", arXiv:2402.14740)."""
    values = np.asarray(rewards, dtype=np.float64)
    return (values - (values.sum() - values) / max(1, len(values) - 1)).tolist()


ADVANTAGES: Mapping[str, Callable[[Sequence[float]], list[float]]] = {
    "normalised": group_normalised,
    "centred": centred,
    "leave_one_out": leave_one_out,
}
"""By name, as settings choose them."""
