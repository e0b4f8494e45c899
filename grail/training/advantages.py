"""Group-relative advantages."""

from collections.abc import Sequence

import numpy as np

EPSILON = 1e-4


def group_normalised(rewards: Sequence[float]) -> list[float]:
    """A_i = (r_i − mean) / (std + 1e-4) over one group, population std.

    Source: Shao et al., "DeepSeekMath", 2024, section 4.1 (GRPO). All zero for a group whose rewards are equal.
    """
    values = np.asarray(rewards, dtype=np.float64)
    return ((values - values.mean()) / (values.std() + EPSILON)).tolist()
