"""What the beacon mandates for each group (spec section 2): miners derive it to work, validators to check."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grail.environments.base import Conversation, Environment, Problem
from grail.environments.dialogue import Codec, Dialogue
from grail.environments.registry import Environments
from grail.protocol import keys
from grail.protocol.leaf import hash_tokens
from grail.protocol.units import Address, Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMandate:
    """What the beacon mandates for one group."""

    env_id: Digest
    environment: Environment
    reward_milli: int
    problem: Problem
    problem_key: Digest
    rules_hash: Digest
    prompt: NDArray[np.int32]
    prompt_hash: Digest


class EnvironmentMix(Protocol):
    """A window's governed mix, as the chain tells it."""

    def mandated(self, problem_key: Digest) -> Digest:
        """Digest of the environment that a problem key draws."""
        ...

    def reward_milli(self, environment: Digest) -> int:
        """What a verified token of this environment earns, in thousandths of the base rate."""
        ...


class CheckpointRules(Protocol):
    """The part of a checkpoint that keys depend on."""

    @property
    def fingerprint(self) -> Digest:
        """Of the weights, config, tokenizer and rules."""
        ...

    def rules_digest(self, environment_id: str, most_characters: int = 0) -> Digest:
        """Hash of the rules that a rollout in this environment obeys."""
        ...


class BeaconMandates:
    """The mandated groups of one miner in one window, derived once each."""

    def __init__(
        self,
        beacon: Digest,
        miner: Address,
        mix: EnvironmentMix,
        environments: Environments,
        checkpoint: CheckpointRules,
        codec: Codec,
        most_observed: int,
    ) -> None:
        """`most_observed`: ids that a world may say in one rollout of the window."""
        self._beacon = beacon
        self._miner = miner
        self._mix = mix
        self._environments = environments
        self._checkpoint = checkpoint
        self._codec = codec
        self._most_observed = most_observed
        self._groups: dict[int, GroupMandate] = {}
        self._rules: dict[str, Digest] = {}

    def group(self, number: int) -> GroupMandate:
        """What group `number` has to be; remembered."""
        if number not in self._groups:
            key = keys.problem_key(self._beacon, self._miner, number)
            env_id = self._mix.mandated(key)
            environment = self._environments.by_digest(env_id)
            problem = environment.problem(key)
            prompt = self._codec.encode(problem.prompt)
            if environment.id not in self._rules:
                self._rules[environment.id] = rules_of(self._checkpoint, environment)
            self._groups[number] = GroupMandate(
                env_id=env_id,
                environment=environment,
                reward_milli=self._mix.reward_milli(env_id),
                problem=problem,
                problem_key=key,
                rules_hash=self._rules[environment.id],
                prompt=prompt,
                prompt_hash=hash_tokens(prompt),
            )
        return self._groups[number]

    def dialogue(self, number: int) -> Dialogue:
        """What the rollouts of group `number` are played in."""
        mandate = self.group(number)
        return Dialogue(mandate.environment, mandate.problem, self._codec, mandate.prompt, self._most_observed)

    def rollout_key(self, group: int, index: int) -> Digest:
        """The mandated noise key of one rollout."""
        mandate = self.group(group)
        return keys.rollout_key(mandate.problem_key, self._checkpoint.fingerprint, mandate.rules_hash, index)


def rules_of(checkpoint: CheckpointRules, environment: Environment) -> Digest:
    """Hash of the rules that rollouts of a checkpoint obey in an environment, of one turn or of many."""
    said = environment.most_characters if isinstance(environment, Conversation) else 0
    return checkpoint.rules_digest(environment.id, said)
