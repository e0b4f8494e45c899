"""The models on this disk: fetch once, find by name."""

import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tokenizers import Tokenizer

from grail.checkpoints.files import (
    CALIBRATION,
    CHAT_TEMPLATE,
    CONFIG,
    RULES,
    TOKENIZER,
    WEIGHTS,
    Checkpoint,
    GenerationRules,
    open_checkpoint,
    open_tensors,
    rules_text,
)
from grail.errors import BadCheckpoint, SettingsError
from grail.models.catalogue import CATALOGUE, PACKAGED
from grail.models.convert import convert
from grail.models.sources import HUB_ID, get_from_hub, get_wheel_member
from grail.models.turns import turn_rules
from grail.protocol.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the list: its name, what it is, and its folder once it is here."""

    name: str
    about: str
    folder: Path | None


class Library:
    """Checkpoint folders under one root, by name. A folder appears under its name only when it is complete."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def entries(self) -> list[Entry]:
        """The packaged model, the catalogue, and whatever else was fetched."""
        listed = [Entry(name, about, packaged_folder(name)) for name, about in PACKAGED.items()]
        for name, model in CATALOGUE.items():
            listed.append(Entry(name, model.about, self._here(name)))
        names = sorted(path.name for path in self._root.glob("*") if (path / CONFIG).exists())
        return listed + [Entry(name, "fetched", self._root / name) for name in names if name not in CATALOGUE]

    def find(self, name: str) -> Path:
        """Folder of a fetched model, or `name` itself where it is one. Raises SettingsError saying how to get it."""
        if name in PACKAGED:
            return packaged_folder(name)
        here = self._here(name.replace("/", "--"))
        if here is not None:
            return here
        if Path(name).is_dir():
            return Path(name)
        if name in CATALOGUE or HUB_ID.fullmatch(name):
            raise SettingsError(f"{name} is not on this machine: grail models fetch {name}")
        raise SettingsError(f"expected a model or a checkpoint folder, got {name!r}: see grail models list")

    def fetch(self, name: str, *, save_as: str = "", precision: str = "bf16", max_tokens: int = 256) -> Checkpoint:
        """Get a model by catalogue name, hub id or folder; what is here already is checked and returned.

        `precision` and `max_tokens` become the rules of models that are not in the catalogue, which brings its own.
        """
        if name in PACKAGED:
            return open_checkpoint(packaged_folder(name))
        model = CATALOGUE.get(name)
        if model is None and not Path(name).is_dir() and not HUB_ID.fullmatch(name):
            known = ", ".join([*PACKAGED, *CATALOGUE])
            raise SettingsError(f"expected one of {known}, a hub id (owner/name) or a folder, got {name!r}")
        label = save_as or (Path(name).resolve().name if Path(name).is_dir() else name.replace("/", "--"))
        here = self._here(label)
        part = self._root / f".part-{label}"
        if here is None:
            if model is not None:
                source = get_wheel_member(model.source, part / "source")
            else:
                source = Path(name) if Path(name).is_dir() else get_from_hub(name, part / "source")
            rules = model.rules if model else None
            made = convert(source, part / "checkpoint", rules, precision=precision, max_tokens=max_tokens).folder
        else:
            made = here
        if model is not None:
            got = fingerprint(open_tensors(made / WEIGHTS), {}).hex()
            if got != model.weights:
                raise BadCheckpoint(
                    f"expected the weights of {name} to be {model.weights}, got {got}: delete {made} and fetch again"
                )
        if here is None:
            made.replace(self._root / label)
            shutil.rmtree(part, ignore_errors=True)
        return open_checkpoint(self._root / label)

    def vary(
        self,
        name: str,
        save_as: str,
        *,
        temperature_milli: int | None = None,
        max_tokens: int | None = None,
        stop: str = "",
        chat: bool = True,
        turns: int | None = None,
    ) -> Checkpoint:
        """The same weights under other rules of generation, as a model of its own.

        `stop`: text that is one token of the model and ends a completion, too. `chat` False leaves the chat template
        out. `turns`: tokens of the longest turn, for environments that answer. A calibration profile goes along where
        it holds for the new rules: not at another temperature, nor for longer completions, nor for turns.

        Raises SettingsError for a name that is taken, or a text that is no token; BadCheckpoint where turns do not go
        together with the chat template.
        """
        source = open_checkpoint(self.find(name))
        if self._here(save_as) is not None or save_as in CATALOGUE or save_as in PACKAGED:
            raise SettingsError(f"{save_as} is a model already: choose another name")
        rules = source.rules.model_dump()
        rules["temperature_milli"] = temperature_milli or source.rules.temperature_milli
        rules["max_tokens"] = max_tokens or source.rules.max_tokens
        if stop:
            rules["eos_ids"] = sorted({*source.rules.eos_ids, _token(source, stop)})
        part = self._root / f".part-{save_as}"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source.folder, part)
        (part / RULES).write_text(rules_text(GenerationRules.model_validate(rules)))
        longer = rules["max_tokens"] > source.rules.max_tokens
        if rules["temperature_milli"] != source.rules.temperature_milli or longer or turns:
            (part / CALIBRATION).unlink(missing_ok=True)
        if not chat:
            (part / CHAT_TEMPLATE).unlink(missing_ok=True)
        if turns:
            rules["turn"] = turn_rules(open_checkpoint(part), turns).model_dump()
            (part / RULES).write_text(rules_text(GenerationRules.model_validate(rules)))
        open_checkpoint(part)
        part.replace(self._root / save_as)
        return open_checkpoint(self._root / save_as)

    def _here(self, name: str) -> Path | None:
        folder = self._root / name
        return folder if name and (folder / CONFIG).exists() else None


def _token(checkpoint: Checkpoint, text: str) -> int:
    found = Tokenizer.from_file(str(checkpoint.folder / TOKENIZER)).encode(text, add_special_tokens=False).ids
    if len(found) != 1:
        raise SettingsError(f"expected a stop text of one token, got {text!r}, which is {len(found)} in this model")
    return int(found[0])


def packaged_folder(name: str = "tiny") -> Path:
    """The tiny model inside the package."""
    return Path(str(resources.files("grail.assets").joinpath(name)))


def is_calibrated(folder: Path) -> bool:
    """Has it a profile? Without one there is no audit."""
    return (folder / CALIBRATION).exists()
