"""Named models of a local network → checkpoint folders."""

from importlib import resources
from pathlib import Path

from grail.checkpoints.files import CALIBRATION
from grail.errors import SettingsError


def model_folder(name: str) -> Path:
    """`tiny` is packaged; anything else is a folder. Raises SettingsError with what is missing."""
    folder = Path(str(resources.files("grail.assets").joinpath("tiny"))) if name == "tiny" else Path(name)
    if not folder.is_dir():
        raise SettingsError(f"expected the model 'tiny' or a checkpoint folder, got {name!r}")
    if not (folder / CALIBRATION).exists():
        raise SettingsError(f"{folder} has no calibration profile: run `grail calibrate {folder}` first")
    return folder
