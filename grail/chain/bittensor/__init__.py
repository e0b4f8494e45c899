"""Bittensor: a subnet's hotkeys beside our neurons, and settlements as its validators' weights.

`client.py` alone imports the SDK (extra `bittensor`); all else here is arithmetic on what it has read.
"""

from importlib.util import find_spec

from grail.errors import Unavailable


def require_sdk() -> None:
    """Raises Unavailable where the SDK is not installed."""
    if find_spec("bittensor") is None:
        raise Unavailable("bittensor is not installed: pip install 'grail-network[bittensor]'")
