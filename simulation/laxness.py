"""The family `lax-profiles`: plain cheats, judged by the laxest calibration profile that whoever publishes may write.

What the ceilings of a precision class leave to a liar: under them the cheats that a validator must always catch are
played in the whole pipeline, against a checkpoint whose profile excuses all that may be excused.
"""

import shutil
from pathlib import Path

from grail.checkpoints.files import CALIBRATION
from grail.verification.calibration import laxest, load_profile
from simulation.models import model_folder

FAMILY = "lax-profiles"
CHEATS = ("int4-weights", "int4-laundered", "stale-1-step", "temperature-0.9", "greedy", "forked", "edited-answer")


def lax_model(model: str, folder: Path) -> Path:
    """A copy of a model with the laxest profile."""
    made = folder / "lax"
    shutil.copytree(model_folder(model), made)
    (made / CALIBRATION).write_bytes(laxest(load_profile(made / CALIBRATION)).to_bytes())
    return made
