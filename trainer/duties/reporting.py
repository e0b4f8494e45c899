"""What a trainer says of an update: its numbers, why groups were left out, and a few rollouts as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from grail.inference.text import TextCodec
from grail.protocol.records import CheckpointRecord
from grail.protocol.reports import ENVIRONMENT, LARGEST, MICRO_UNIT, SAMPLES, TEXT, Sample, TrainingReport, scaled
from grail.protocol.units import WindowId
from trainer.duties.collect import Collected

UNSAID = ("seconds",)
"""What depends on the machine."""


def training_report(
    found: Collected, numbers: Mapping[str, Any], parent: CheckpointRecord, codec: TextCodec, window: WindowId
) -> TrainingReport:
    """`numbers`: what the update measured, by name; what is neither a number nor counted by name is left out."""
    measured = {name: value for name, value in numbers.items() if type(value) in (int, float) and name not in UNSAID}
    return TrainingReport(
        version=1,
        window=window,
        parent=parent.fingerprint.hex(),
        numbers={name: _micro(value) for name, value in measured.items()} | {"unverified": _micro(len(found.doubts))},
        dropped=numbers["dropped"],
        rewards={name[:ENVIRONMENT]: _micro(value) for name, value in numbers["rewards"].items()},
        samples=tuple(_samples(found, codec)),
    )


def _samples(found: Collected, codec: TextCodec) -> Iterator[Sample]:
    """One rollout of each of a few groups, from first to last: of several miners where there are."""
    step = max(1, -(-len(found.groups) // SAMPLES))
    for group, margin in list(zip(found.groups, found.margins, strict=True))[::step]:
        rollout = group.rollouts[0]
        yield Sample(
            environment=group.environment[:ENVIRONMENT],
            miner="0x" + group.miner.hex(),
            prompt=codec.decode(rollout.prompt)[:TEXT],
            completion=codec.decode(rollout.tokens)[:TEXT],
            reward=_micro(rollout.reward),
            margin=_micro(margin),
        )


def _micro(value: float) -> int:
    return scaled(value, MICRO_UNIT, LARGEST)
