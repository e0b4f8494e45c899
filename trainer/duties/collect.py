"""Accepted submissions → verified training groups. The pass that gives the behaviour logprobs checks every margin."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from grail.checkpoints.files import Checkpoint
from grail.environments.dialogue import BrokenDialogue, Played
from grail.environments.mandates import BeaconMandates
from grail.errors import BadSubmission, StorageError
from grail.inference.base import ReplayRequest, ReplayTrace
from grail.inference.text import TextCodec
from grail.protocol.records import Commitment
from grail.protocol.submission import Group, Rollout, Submission
from grail.protocol.turns import Bridge
from grail.protocol.units import MICRO, CheckpointVersion, WindowId
from grail.runtime.node import Node
from grail.runtime.reckon import reckon
from grail.runtime.submissions import fetch_submission
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.verification.calibration import profile_of

Measured = tuple[TrainingGroup, float]
"""A group, and the largest margin of its tokens in nats."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A window's verified groups, and of each the largest margin in nats; digests of what was found in those that are
    not what they claim (JSON objects in the store, for validators to accuse by); and how many more versions than
    `max_staleness` came after.
    """

    groups: tuple[TrainingGroup, ...]
    margins: tuple[float, ...]
    doubts: tuple[str, ...]
    stale: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a group is dropped: `margin`, the largest of its tokens, where those are what is wrong."""

    window: int
    miner: str
    group: int
    check: str
    margin: float


def collect(node: Node, window: WindowId, version: CheckpointVersion) -> Collected:
    """Replay every rollout of every accepted submission; a group with one bad rollout is dropped whole.

    Accepted means that a seat has accepted it and none rejects. Nothing else reaches the gradient. What is too old for
    a learner at `version` is not replayed at all.
    """
    found = reckon(node.subnet, window)
    accepted = [] if found is None else found.accepted()
    oldest = version - node.subnet.policy(window).max_staleness
    groups: list[Measured] = []
    doubts: list[str] = []
    stale = 0
    for commitment in sorted(accepted, key=lambda entry: entry.miner):
        if commitment.checkpoint_version < oldest:
            stale += commitment.n_groups
            continue
        checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
        submission = _fetch(node, commitment)
        if submission is None:
            continue
        for one in _verified(node, submission, checkpoint):
            if isinstance(one, Doubt):
                node.log.warning("group dropped", **asdict(one))
                doubts.append(node.published.put(json.dumps(asdict(one), sort_keys=True).encode()).hex())
            else:
                groups.append(one)
    kept, margins = zip(*groups, strict=True) if groups else ((), ())
    return Collected(kept, margins, tuple(doubts), stale)


def _fetch(node: Node, commitment: Commitment) -> Submission | None:
    try:
        submission = fetch_submission(node, commitment)
    except (StorageError, BadSubmission) as error:
        node.log.warning("accepted submission cannot be read", miner=commitment.miner.hex(), reason=str(error))
        return None
    if (submission.tree.root, submission.checkpoint_version) != (commitment.root, commitment.checkpoint_version):
        node.log.warning("accepted submission is not what was committed", miner=commitment.miner.hex())
        return None
    return submission


def _verified(node: Node, submission: Submission, checkpoint: Checkpoint) -> Iterator[Measured | Doubt]:
    """The groups in which prompt, rewards and every token are as mandated, each with its largest margin, and what is
    wrong with the others.
    """
    codec = TextCodec(checkpoint)
    window = WindowId(submission.window)
    mandates = node.mandates(window, submission.miner, checkpoint, codec)
    largest, name = profile_of(checkpoint).outlier_margin, "0x" + submission.miner.hex()
    told = {n: _played(g, n, mandates) for n, g in enumerate(submission.groups) if mandates.dialogue(n).world}
    kept = [number for number in range(len(submission.groups)) if told.get(number, ()) is not None]
    requests = [
        ReplayRequest(mandates.group(number).prompt, mandates.rollout_key(number, index), rollout.tokens, bridges)
        for number in kept
        for index, (rollout, bridges) in enumerate(_with_bridges(submission.groups[number], told.get(number)))
    ]
    traces = iter(node.engine(checkpoint).replay(requests, node.sketch_plan(window)))
    for number, group in enumerate(submission.groups):
        if number not in kept:
            yield Doubt(window, name, number, "derivation, dialogue or reward", 0.0)
            continue
        own = list(itertools.islice(traces, len(group.rollouts)))
        margin = max(float(trace.margins.max()) for trace in own)
        stray = max(float(trace.strays.max()) for trace in own)
        plays = told[number] if number in told else _played(group, number, mandates) if stray <= largest else None
        if stray <= largest and plays is not None:
            yield _training_group(submission, number, mandates, own, plays), margin
        else:
            yield Doubt(window, name, number, "tokens" if stray > largest else "derivation or reward", margin)


def _with_bridges(group: Group, plays: list[Played] | None) -> Iterator[tuple[Rollout, tuple[Bridge, ...]]]:
    """Each rollout with what stands between its turns."""
    bridges = [played.bridges for played in plays] if plays else [()] * len(group.rollouts)
    return zip(group.rollouts, bridges, strict=True)


def _played(group: Group, number: int, mandates: BeaconMandates) -> list[Played] | None:
    """Its dialogues; None where environment, prompt, a dialogue or a reward is not as mandated."""
    mandate, dialogue = mandates.group(number), mandates.dialogue(number)
    if (group.env_id, group.prompt_hash) != (mandate.env_id, mandate.prompt_hash):
        return None
    try:
        plays = [dialogue.play(rollout.tokens) for rollout in group.rollouts]
    except BrokenDialogue:
        return None
    claims = [played.differs_from(rollout) for played, rollout in zip(plays, group.rollouts, strict=True)]
    grades = ((played.grade, rollout) for played, rollout in zip(plays, group.rollouts, strict=True))
    right = all(grade.certain and grade.reward_micro == rollout.reward_micro for grade, rollout in grades)
    return plays if right and not any(claims) else None


def _training_group(
    submission: Submission, number: int, mandates: BeaconMandates, traces: list[ReplayTrace], plays: list[Played]
) -> TrainingGroup:
    prompt = mandates.group(number).prompt
    return TrainingGroup(
        environment=mandates.group(number).environment.id,
        miner=submission.miner,
        checkpoint_version=submission.checkpoint_version,
        rollouts=tuple(
            TrainingRollout(
                prompt=prompt,
                tokens=r.tokens,
                logprobs=t.logprobs,
                reward=r.reward_micro / MICRO,
                bridges=played.bridges,
            )
            for r, t, played in zip(submission.groups[number].rollouts, traces, plays, strict=True)
        ),
    )
