"""What a float16 says: not one number, but every number that rounds to it.

Claims travel as float16. Where honest noise is far below its steps, as in float32, the distance to the claim itself is
mostly rounding, and hides a model that is off by less than a step. The distance to what may have been rounded is 0 for
nearly all honest numbers, and is not for the share of a wrong model's that falls over a step's edge.
"""

import numpy as np
from numpy.typing import NDArray


def beyond_rounding(claimed: NDArray[np.float16], replayed: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance of each replayed number from the interval of those that round to the claimed one; same shapes.

    0 inside of it. Claims must be finite, as the codec has them.
    """
    own, there = claimed.astype(np.float64), replayed.astype(np.float64)
    up, down = (np.nextafter(claimed, np.float16(end)).astype(np.float64) for end in (np.inf, -np.inf))
    return np.maximum(np.maximum(there - (own + up) / 2, (own + down) / 2 - there), 0.0)
