"""Models of a local network, by name."""

from pathlib import Path

from grail.config import load_settings
from grail.errors import SettingsError
from grail.models.library import Library, is_calibrated


def model_folder(name: str) -> Path:
    """`tiny`, a fetched model or a folder. Raises SettingsError with what is missing."""
    folder = Library(load_settings().work.models).find(name)
    if not is_calibrated(folder):
        raise SettingsError(f"{folder} has no calibration profile: run `grail calibrate {folder}` first")
    return folder
