"""Tokens out of models: generation with the protocol's sampling, and teacher-forced replay."""

from grail.checkpoints.files import Checkpoint
from grail.errors import SettingsError, Unavailable
from grail.inference.base import Engine


def open_engine(name: str, checkpoint: Checkpoint) -> Engine:
    """An engine by name. Raises Unavailable when its libraries are not installed."""
    if name != "transformers":
        raise SettingsError(f"expected the engine 'transformers', got {name!r}")
    try:
        from grail.inference.transformers_engine import TransformersEngine
    except ImportError as error:
        raise Unavailable(f"the transformers engine needs {error.name}: pip install 'grail-network[model]'") from error
    return TransformersEngine(checkpoint)
