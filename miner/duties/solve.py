"""Derive the window's problems, generate, grade, publish the blob, commit its root."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from grail.chain.subnet.statements import commitment_of
from grail.checkpoints.files import Checkpoint
from grail.environments.mandates import BeaconMandates
from grail.errors import BadSubmission, EngineLost, GrailError, Unavailable
from grail.inference.base import Engine, Generation, RolloutRequest
from grail.inference.requests import request_of
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol.codec import BlobLimits, encode
from grail.protocol.records import Commitment, Role
from grail.protocol.schedule import Schedule
from grail.protocol.submission import Group, Rollout, Submission
from grail.protocol.units import BlockNumber, CheckpointVersion, MicroReward, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.randomness import opened
from grail.verification.checks.structure import shape_problem
from miner.duties.drafts import Drafts
from miner.duties.pace import Pace, Planner, working_blocks

MOST_DEATHS = 3
"""Of an engine in a row. Then the process ends: a device that failed may be lost to it."""
COMMITTING = "committing"
"""Names the note of what is about to be committed."""


class Solve:
    """The miner's work of one window. Adversaries override its steps; honest miners do not."""

    name = "solve"

    def __init__(self, node: Node, groups: int) -> None:
        """`groups`: to commit until a pledge is in force; the stake may allow fewer."""
        self.node = node
        self._groups = groups
        self._drafts = Drafts(node.journal, node.signer.name)
        self._planner: Planner | None = None
        self._deaths = 0

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """After the beacon block, while a commitment still gets in."""
        return schedule.start(window) < block < schedule.commit_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Work and commit; None when there is nothing to work on yet."""
        node, subnet = self.node, self.node.subnet
        committed = subnet.commitment(window, node.address)
        if committed is not None:
            if subnet.is_strange(node.signer, commitment_of(window)):
                node.log.error("another machine commits with this key: stop one", neuron=node.name, window=window)
            return _note(committed)
        if subnet.is_waited_out(node.signer, window):
            node.log.warning(
                "waits out a window of which it does not know what it signed", neuron=node.name, window=window
            )
            return {"committed": False}
        if not subnet.is_active(node.address, Role.MINER):
            node.log.info("not active: no stake, or in jail", neuron=node.name, window=window)
            return self._passed_over(window)
        record = subnet.active_checkpoint(window)
        if record is None or not opened(node, window):
            return None
        if not node.takes_work(window):
            node.log.info("waiting for the next version", neuron=node.name, window=window)
            return self._passed_over(window)
        stated = self._stated(window)
        if stated is not None:
            subnet.commit(node.signer, stated)
            return _note(stated)
        checkpoint = node.checkpoints.fetch(record)
        groups = min(self.promised(window), subnet.groups_allowed(window, node.address))
        submission = self.work(window, checkpoint, groups, record.version)
        if not submission.groups:
            return self._passed_over(window)
        if len(submission.groups) < groups:
            made = len(submission.groups)
            node.log.warning("less than promised is finished in time", neuron=node.name, groups=made, promised=groups)
        self.inspect(submission, checkpoint)
        if not subnet.beacon_stands(window):
            node.log.warning("the window's first block was replaced: starting anew", neuron=node.name, window=window)
            return None
        commitment = self.publish(submission, node.blob_limits(window, checkpoint, len(submission.groups)))
        self._remember(commitment)
        subnet.commit(node.signer, commitment)
        self._drafts.forget()
        return _note(commitment)

    def _remember(self, commitment: Commitment) -> None:
        """Before it is sent: after a crash this one is sent again, and no other."""
        beacon = self.node.subnet.beacon(commitment.window)
        raw = {"beacon": beacon.hex()} | {name: _text(value) for name, value in asdict(commitment).items()}
        self.node.journal.record(self.node.name, COMMITTING, commitment.window, raw)

    def _stated(self, window: WindowId) -> Commitment | None:
        """What was about to be committed before a crash, unless it was for another beacon."""
        raw = self.node.journal.note(self.node.name, COMMITTING, window)
        if raw is None or raw.pop("beacon") != self.node.subnet.beacon(window).hex():
            return None
        values: dict[str, Any] = {name: bytes.fromhex(v) if isinstance(v, str) else v for name, v in raw.items()}
        return Commitment(**values)

    def _passed_over(self, window: WindowId) -> Note:
        """Nothing will be committed in this window."""
        self.node.subnet.pass_over(self.node.signer, commitment_of(window), window)
        return {"committed": False}

    def promised(self, window: WindowId) -> int:
        """Groups to deliver: those pledged; before a first pledge is in force what is going to be, unpaid, for it
        counts as delivered later."""
        return self.node.subnet.pledged(window, self.node.address) or self._groups

    def inspect(self, submission: Submission, checkpoint: Checkpoint) -> None:
        """Raises BadSubmission on work that an audit could not read: once committed, a jury would convict for it."""
        problem = shape_problem(submission, checkpoint)
        if problem is not None:
            raise BadSubmission(f"own work is malformed at {problem[0]}, and is not committed: {problem[1]}")

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """The submission: the groups that the beacon mandates, in order, as many as are finished in time."""
        codec = TextCodec(checkpoint)
        mandates = self.node.mandates(window, self.node.address, checkpoint, codec)
        size = self.node.subnet.policy(window).group_size
        plan = self.node.sketch_plan(window)
        self._planner = self._plan(window)
        try:
            made = self.complete(self.node.engine(checkpoint), mandates, groups, size, plan)
        except GrailError:
            raise
        except Exception as error:  # an engine is somebody else's code on a device of its own: it may raise anything
            raise self._died(error) from error
        self._deaths = 0
        self._planner.pace.save(self.node.journal, self.node.signer.name)
        return Submission(
            window=window,
            miner=self.node.address,
            checkpoint_version=version,
            groups=tuple(
                self._group(mandates, number, made[number * size : (number + 1) * size])
                for number in range(len(made) // size)
            ),
            observed_milli=self.node.subnet.policy(window).observed_milli,
        )

    def _died(self, error: Exception) -> Unavailable:
        """Finished groups are kept; the next try loads the engine anew, and a new process where that does not help."""
        self.node.engines.forget()
        self._deaths += 1
        told = f"the engine died ({type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''})"
        if self._deaths < MOST_DEATHS:
            return Unavailable(f"{told}: it is loaded anew, finished groups are kept")
        return EngineLost(
            f"{told}, {MOST_DEATHS} times: does the model fit this device? Finished groups are kept for the next start"
        )

    def _plan(self, window: WindowId) -> Planner:
        schedule, chain = self.node.subnet.schedule, self.node.subnet.chain
        last = schedule.start(window) + working_blocks(schedule.commit)
        return Planner(Pace.load(self.node.journal, self.node.signer.name), lambda: chain.head().number, last)

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """Put the blob where everybody can read it; returns what to commit."""
        return Commitment(
            window=WindowId(submission.window),
            miner=submission.miner,
            root=submission.tree.root,
            blob_digest=self.node.published.put(encode(submission, limits)),
            n_groups=len(submission.groups),
            checkpoint_version=CheckpointVersion(submission.checkpoint_version),
            worth=submission.tree.total,
        )

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """The completions that are finished in time, group by group; finished groups outlive a crash."""
        return self._drafts.complete(engine, requests_for(mandates, groups, size), size, plan, self._planner)

    def reward(self, graded: MicroReward, group: int, index: int) -> MicroReward:
        """The reward that goes into the leaf: the graded one."""
        return graded

    def _group(self, mandates: BeaconMandates, number: int, made: Sequence[Generation]) -> Group:
        mandate, dialogue = mandates.group(number), mandates.dialogue(number)
        rollouts = []
        for index, generation in enumerate(made):
            played = dialogue.play(generation.tokens)
            rollouts.append(
                Rollout(
                    tokens=generation.tokens,
                    logprobs=generation.logprobs,
                    sketch=generation.sketch,
                    finish=played.finish,
                    reward_micro=self.reward(played.grade.reward_micro, number, index),
                    turns=played.turns,
                    observed=played.observed,
                    observations_hash=played.digest,
                )
            )
        return Group(
            env_id=mandate.env_id,
            prompt_hash=mandate.prompt_hash,
            reward_milli=mandate.reward_milli,
            rollouts=tuple(rollouts),
        )


def requests_for(mandates: BeaconMandates, groups: int, size: int) -> list[RolloutRequest]:
    """One request for every place, group by group."""
    return [
        request_of(dialogue, mandates.rollout_key(number, index))
        for number, dialogue in enumerate(map(mandates.dialogue, range(groups)))
        for index in range(size)
    ]


def _text(value: bytes | int) -> str | int:
    return value.hex() if isinstance(value, bytes) else value


def _note(commitment: Commitment) -> Note:
    return {"committed": True, "root": commitment.root.hex(), "groups": commitment.n_groups}
