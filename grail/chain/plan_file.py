"""A network's plan as a TOML file, and the state of its deployment, so that it can be broken off and resumed."""

import json
from pathlib import Path
from typing import Any

import pydantic

from grail.chain.deployment import NOBODY, NetworkPlan, VotingRules
from grail.config import load_toml
from grail.errors import SettingsError
from grail.foreign.files import read_object
from grail.governance.acts import parse_address, parse_amount, policy_value
from grail.governance.policy import Floors
from grail.protocol.schedule import Schedule


class SchedulePlan(pydantic.BaseModel, extra="forbid"):
    """Blocks. The first window begins `genesis_in` blocks after the deployment begins."""

    genesis_in: int = pydantic.Field(300, ge=20)
    window: int = 360
    commit: int = 210
    score: int = 90
    reveal: int = 40


class EnvironmentPlan(pydantic.BaseModel, extra="forbid"):
    """One environment of the first mix."""

    weight: int = pydantic.Field(1, ge=0)
    reward: int = pydantic.Field(1_000, ge=0, le=100_000)


class VotingPlan(pydantic.BaseModel, extra="forbid"):
    """How token holders decide."""

    delay_blocks: int = pydantic.Field(14_400, ge=1)
    period_blocks: int = pydantic.Field(36_000, ge=1)
    late_extension_blocks: int = pydantic.Field(7_200, ge=0)
    threshold: str = "50000 GRAIL"
    quorum_percent: int = pydantic.Field(4, ge=1, le=50)
    timelock_seconds: int = pydantic.Field(3 * 24 * 3_600, ge=0)


class PredecessorPlan(pydantic.BaseModel, extra="forbid"):
    """The network that this one follows: its tokens are exchanged one for one."""

    token: str
    supply: str
    """Most that is taken over: its supply, once it mints no more."""


class PlanFile(pydantic.BaseModel, extra="forbid"):
    """The whole file; docs/governance.md shows one."""

    schedule: SchedulePlan = SchedulePlan()
    cap: str
    holders: dict[str, str]
    environments: dict[str, EnvironmentPlan] = pydantic.Field(min_length=1)
    policy: dict[str, int | str] = {}
    trainers: list[str] = []
    guardian: str = ""
    predecessor: PredecessorPlan | None = None
    voting: VotingPlan = VotingPlan()
    phase_floor: int = pydantic.Field(Floors().phase, ge=2, le=50_000)
    """Blocks below which no vote can ever bring a phase; it cannot be changed later."""
    netuid: int = pydantic.Field(0, ge=0, le=65_535)
    """Subnet of Bittensor whose alpha votes may let count; on Subtensor's EVM alone. 0: none."""

    def plan(self, first_block: int) -> NetworkPlan:
        """The plan of a deployment that begins at `first_block`. Raises SettingsError on values that cannot be."""
        if not self.holders and self.predecessor is None:
            raise SettingsError(
                "expected holders, or a predecessor whose tokens are exchanged: else nobody could stake"
            )
        times = self.schedule.model_dump()
        voting = self.voting.model_dump() | {"threshold": parse_amount(self.voting.threshold)}
        try:
            schedule = Schedule(genesis=first_block + times.pop("genesis_in"), **times)
        except ValueError as error:
            raise SettingsError(f"schedule: {error}") from error
        return NetworkPlan(
            schedule=schedule,
            overrides={name: policy_value(name, value) for name, value in self.policy.items()},
            environments={name: (e.weight, e.reward) for name, e in self.environments.items()},
            holders={parse_address(holder): parse_amount(amount) for holder, amount in self.holders.items()},
            cap=parse_amount(self.cap),
            trainers=[parse_address(trainer) for trainer in self.trainers],
            guardian=parse_address(self.guardian) if self.guardian else NOBODY,
            voting=VotingRules(**voting),
            phase_floor=self.phase_floor,
            netuid=self.netuid,
            follows=parse_address(self.predecessor.token) if self.predecessor else None,
            exchangeable=parse_amount(self.predecessor.supply) if self.predecessor else 0,
        )


def load_plan(path: Path) -> PlanFile:
    """Read and check. Raises SettingsError naming file, key and what is wrong."""
    return load_toml(path, PlanFile, "a plan")


def load_state(path: Path) -> dict[str, Any] | None:
    """Where a deployment began (first_nonce, first_block, deployer); None when none is under way."""
    if not path.exists():
        return None
    state = read_object(path, "the state of a deployment")
    kinds = {"deployer": str, "first_nonce": int, "first_block": int}
    if any(type(state.get(name)) is not kind for name, kind in kinds.items()):
        raise SettingsError(
            f"expected the state of a deployment in {path}, got something else: remove it to start anew"
        )
    return state


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Written before the first transaction, so that nothing sent is ever lost."""
    path.write_text(json.dumps(state, indent=1) + "\n")
