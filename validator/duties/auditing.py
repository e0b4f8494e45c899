"""How this validator judges one submission: fetch, build the context, run the audit, abstain on its own trouble.

Shared by the audit duty (its own draws), the jury duty (the accuser's draws) and what judges audits (the auditor's).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from grail.checkpoints.files import Checkpoint
from grail.errors import BadCheckpoint, GrailError, ObjectCorrupt, ObjectMissing, ObjectTooLarge, StorageError
from grail.inference.base import Engine
from grail.inference.text import TextCodec
from grail.protocol.audit_sample import audit_order, dealt_order
from grail.protocol.committee import NOBODY
from grail.protocol.keys import proof_seed
from grail.protocol.records import Commitment
from grail.protocol.units import Address, CheckpointVersion, Digest, WindowId
from grail.runtime.node import Node
from grail.runtime.objects import ObjectsOf
from grail.runtime.reckon import committee_of
from grail.runtime.retention import evidence_epoch
from grail.settlement.sheets import WITHHELD
from grail.verification.alternatives import PREVIOUS, Alternative, drawn_alternative
from grail.verification.audit import audit
from grail.verification.base import AuditContext, Finding, Outcome, Verdict
from grail.verification.calibration import CalibrationProfile, profile_of
from grail.verification.evidence import Carried, add_up
from grail.verification.replay import Reader

Reading = tuple[Address, WindowId, Address]
"""A miner, a window, and the holder of seats in its submission of then."""
NOT_THERE = (ObjectMissing, ObjectTooLarge, ObjectCorrupt)
"""What nobody delivers, whatever the reason."""


def judge_history(node: Node, commitment: Commitment, challenge: Digest, drawer: Address) -> Verdict:
    """What a juror finds along the accuser's draws: in the window itself, else over the epoch up to it. What the
    accused does not deliver any more it reads with the accuser."""
    witnesses = () if drawer == NOBODY else (drawer,)
    verdict = judge(node, commitment, challenge, drawer, witnesses=witnesses)
    if verdict.outcome in (Outcome.FAULT, Outcome.ABSTAIN):
        return verdict
    before = evidence_before(node, commitment, witnesses=witnesses)
    if isinstance(before, Verdict):
        return before
    return judge(node, commitment, challenge, drawer, before, witnesses=witnesses) if before else verdict


def evidence_before(
    node: Node,
    commitment: Commitment,
    measured: dict[Reading, Verdict] | None = None,
    *,
    witnesses: Sequence[Address] = (),
) -> Carried | Verdict:
    """What all seats of a miner's earlier submissions of the epoch have to add, read anew but for what is in
    `measured`, which is added to; an abstention where this node has trouble of its own with one. A submission that
    nobody delivers any more - its miner, the holders of its seats, `witnesses` - adds nothing, nor does one whose
    checkpoint is gone: accuser and jurors leave out the same windows.
    """
    known = {} if measured is None else measured
    readings: list[Reading] = []
    for number in range(evidence_epoch(commitment.window), commitment.window):
        window = WindowId(number)
        earlier, challenge = node.subnet.commitment(window, commitment.miner), node.subnet.challenge(window)
        if earlier is None or challenge is None or not _has_checkpoint(node, earlier):
            continue
        asked = [(commitment.miner, window, holder) for holder in dict.fromkeys(holders_of(node, earlier))]
        seen = Reader(node.sketch_plan(window))
        if any(reading not in known for reading in asked):
            for reading in asked:
                asked_too = (reading[2], *witnesses)
                known[reading] = judge(node, earlier, challenge, reading[2], seen=seen, witnesses=asked_too)
                if known[reading].outcome is Outcome.ABSTAIN:
                    return known.pop(reading)
        readings += asked
    return add_up(known[reading].unseen for reading in readings)


def _has_checkpoint(node: Node, commitment: Commitment) -> bool:
    """False where everybody who was asked says that it is gone; whatever else is wrong is for the audit to tell."""
    try:
        node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
    except ObjectMissing as gone:
        node.log.warning("a window cannot be judged any more", window=commitment.window, reason=str(gone))
        return False
    except GrailError:
        return True
    return True


def judge(
    node: Node,
    commitment: Commitment,
    challenge: Digest,
    drawer: Address,
    carried: Carried | None = None,
    *,
    seen: Reader | None = None,
    beyond: float = 0.0,
    further: int | None = None,
    witnesses: Sequence[Address] = (),
) -> Verdict:
    """Audit a submission along the draws of validator `drawer`, going on from the evidence `carried` till then. With
    `seen`, which has read other seats' places: no further than what was dealt to it; else on suspicion `further`
    rollouts at most (None: all). `beyond`: see `audit`; `witnesses`: who delivers the blob, too.

    Of an accept the verdict has the proof of audit, by the drawer's own projection.
    """
    objects = node.objects_of(commitment.miner, *witnesses)
    most = 0 if seen else further
    return carefully(
        node, commitment, lambda: _judge(node, objects, commitment, challenge, drawer, carried, seen, beyond, most)
    )


def carefully(node: Node, commitment: Commitment, work: Callable[[], Verdict]) -> Verdict:
    """Whatever goes wrong on our side is an abstention: never accepted, never reward zero, never guilt."""
    try:
        return work()
    except Exception as trouble:  # noqa: BLE001 — the one place: a verifier's own failure must not become a verdict
        if not isinstance(trouble, GrailError):
            node.engines.forget()
        node.log.error("audit abstains", miner=commitment.miner.hex(), window=commitment.window, reason=repr(trouble))
        finding = Finding(check="verifier", outcome=Outcome.ABSTAIN, reason=f"{type(trouble).__name__}: {trouble}")
        return Verdict(outcome=Outcome.ABSTAIN, finding=finding)


def _judge(
    node: Node,
    objects: ObjectsOf,
    commitment: Commitment,
    challenge: Digest,
    drawer: Address,
    carried: Carried | None,
    seen: Reader | None,
    beyond: float,
    further: int | None,
) -> Verdict:
    checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
    limits = node.blob_limits(commitment.window, checkpoint, commitment.n_groups)
    try:
        blob = objects.get(commitment.blob_digest, limits.max_bytes())
    except NOT_THERE as missing:
        return withheld(str(missing))
    context = context_of(node, commitment, challenge, drawer, checkpoint, blob)
    order, budget = dealt(node, commitment, challenge, drawer)
    order = order if further is None else order[: budget + further]
    alternative = _alternative(node, commitment, checkpoint, challenge, drawer)
    engine, profile = fit_engine(node, context)
    return audit(context, engine, profile, order, carried, alternative, budget=budget, seen=seen, beyond=beyond)


def withheld(reason: str) -> Verdict:
    """Of what nobody delivers."""
    return Verdict(outcome=Outcome.REJECT, finding=Finding(check=WITHHELD, outcome=Outcome.REJECT, reason=reason))


def context_of(
    node: Node, commitment: Commitment, challenge: Digest, auditor: Address, checkpoint: Checkpoint, blob: bytes
) -> AuditContext:
    """All that an audit knows of a submission, with the projection under which `auditor` shows what it replays."""
    codec = TextCodec(checkpoint)
    return AuditContext(
        commitment=commitment,
        policy=node.subnet.policy(commitment.window),
        checkpoint=checkpoint,
        codec=codec,
        mandates=node.mandates(commitment.window, commitment.miner, checkpoint, codec),
        plan=replace(node.sketch_plan(commitment.window), second=proof_seed(challenge, auditor)),
        limits=node.blob_limits(commitment.window, checkpoint, commitment.n_groups),
        blob=blob,
    )


def fit_engine(node: Node, context: AuditContext) -> tuple[Engine, CalibrationProfile]:
    """What replays, and the profile that it is read by. Raises where the two do not fit each other here."""
    checkpoint, commitment = context.checkpoint, context.commitment
    engine, profile = node.engine(checkpoint), profile_of(checkpoint)
    own, plan = context.mandates.group(0).environment, replace(context.plan, second=None)
    node.fits.require(checkpoint, commitment.checkpoint_version, engine, profile, own, plan)
    return engine, profile


def holders_of(node: Node, commitment: Commitment) -> list[Address]:
    """Who holds the seats of a submission, seat by seat."""
    committee = committee_of(node.subnet, commitment.window)
    if committee is None:
        return []
    index = [entry.miner for entry in node.subnet.commitments(commitment.window)].index(commitment.miner)
    return committee.holders(index)


def dealt(node: Node, commitment: Commitment, challenge: Digest, drawer: Address) -> tuple[list[tuple[int, int]], int]:
    """What validator `drawer` opens: what was dealt to its seats; without one, in an order of its own, as much as all
    seats together. `NOBODY`, for work that no seat judged, opens what was dealt to all of them."""
    policy, groups = node.subnet.policy(commitment.window), commitment.n_groups
    holders = holders_of(node, commitment)
    mine = [seat for seat, holder in enumerate(holders) if drawer in (holder, NOBODY)]
    if not mine:
        order = audit_order(challenge, drawer, commitment.miner, groups, policy.group_size)
        return order, policy.audit_seats * policy.audit_rollouts
    sizes = {"seats": policy.audit_seats, "rollouts": policy.audit_rollouts}
    return dealt_order(challenge, commitment.miner, groups, policy.group_size, mine=mine, **sizes)


def _alternative(
    node: Node, commitment: Commitment, checkpoint: Checkpoint, challenge: Digest, drawer: Address
) -> Alternative | None:
    """Whom the drawer asks after in this window, ready to replay; None where the version before cannot be had."""
    version = commitment.checkpoint_version
    name = drawn_alternative(challenge, drawer, has_parent=version > 1)
    if name != PREVIOUS:
        return Alternative(name, node.engine(checkpoint).approximated(name))
    try:
        before = node.checkpoints.fetch(node.subnet.checkpoint(CheckpointVersion(version - 1)))
    except (StorageError, BadCheckpoint) as gone:
        node.log.warning("nothing to compare with", version=version - 1, reason=str(gone))
        return None
    return Alternative(name, node.engine(before))
