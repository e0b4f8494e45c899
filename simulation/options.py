"""What a local network is to be: checked once, stored beside the run, compared when the run is resumed."""

from pathlib import Path
from typing import Literal

import pydantic

from grail.config import TrainingSettings, load_toml
from grail.governance.policy import longest_dispute
from grail.protocol.schedule import Schedule

CHEATS = ("int4-weights", "best-of-n", "reward-forger")
"""The attacks of a local network, in the order in which they join; names of `simulation.adversaries`."""


class Lie(pydantic.BaseModel, extra="forbid", frozen=True):
    """One entry of a cast of liars. `windows`: in which it lies. `count`: accounts, where being many is the point."""

    kind: Literal["self-convict", "dust-swarm", "lying-proposer"]
    windows: tuple[int, ...] = pydantic.Field(min_length=1)
    count: int = pydantic.Field(1, ge=1, le=16)


class Cast(pydantic.BaseModel, extra="forbid"):
    """A file of lies."""

    lie: tuple[Lie, ...] = ()


DEFAULT_LAZY = ("copy",)
DEFAULT_LIES = (
    Lie(kind="self-convict", windows=(1,)),
    Lie(kind="dust-swarm", windows=(1, 2, 3), count=6),
    Lie(kind="lying-proposer", windows=(1,)),
)
"""What `grail localnet` plays where no file says otherwise."""


class LocalnetOptions(pydantic.BaseModel, extra="forbid", frozen=True):
    """The flags of `grail localnet`."""

    windows: int = pydantic.Field(34, ge=1, le=100_000)
    miners: int = pydantic.Field(3, ge=1, le=64)
    cheats: int = pydantic.Field(3, ge=0, le=128)
    attacks: tuple[str, ...] = pydantic.Field(CHEATS, min_length=1, description="what the cheats do, in turn")
    validators: int = pydantic.Field(3, ge=1, le=32)
    groups: int = pydantic.Field(64, ge=1, le=4096, description="groups a miner commits in a window")
    model: str = "tiny"
    environment: str = "arithmetic/1"
    mix: tuple[str, ...] = pydantic.Field(
        (), description="environments besides, as likely each; accuracy is the first's"
    )
    engine: str = "transformers"
    seed: int = pydantic.Field(0, ge=0, lt=1 << 63)
    chain: str = "embedded"
    evaluate_every: int = pydantic.Field(4, ge=1)
    evaluation_problems: int = pydantic.Field(500, ge=20, le=100_000)
    final_problems: int = pydantic.Field(2_000, ge=20, le=100_000)
    threads: int = pydantic.Field(2, ge=1)
    training: TrainingSettings = TrainingSettings()
    lies: tuple[Lie, ...] = pydantic.Field((), description="who lies about money, and when")
    lazy: tuple[str, ...] = pydantic.Field((), description="validators besides the honest that do not read, by kind")

    @property
    def all_validators(self) -> int:
        """Honest and lazy ones."""
        return self.validators + len(self.lazy)

    def schedule(self, genesis: int) -> Schedule:
        """Phases long enough for every transaction when each makes a block of its own."""
        liars = sum(lie.count for lie in self.lies)
        miners, validators = self.miners + self.cheats + liars, self.all_validators + liars
        commit = miners + 6
        score = 4 * validators + 8  # seats and seals of all before the half in which a missing blob is asked for again
        reveal = validators + 4
        accusations = (self.cheats + 2 * liars + len(self.lazy)) * (3 * validators + 5)
        settle = 2 * self.phase() + 2 * validators * self.phase() // 8 + accusations + miners + 4 * validators + 60
        return Schedule(
            genesis=genesis, window=commit + score + reveal + settle, commit=commit, score=score, reveal=reveal
        )

    def policy_overrides(self, schedule: Schedule) -> dict[str, int]:
        """Governed values that a network with windows this short needs."""
        horizon, phase = 3 * schedule.window, self.phase()
        values = {
            "accusation_horizon_blocks": horizon,
            "vote_commit_blocks": phase,
            "vote_reveal_blocks": phase,
            "appeal_blocks": max(4, phase // 2),
            "pause_blocks": schedule.window,
            "settlement_challenge_blocks": phase,
            "settlement_move_blocks": phase,
            "max_groups": max(64, self.groups),
        }
        return values | {"unbonding_blocks": longest_dispute(values, schedule.window)}

    def phase(self) -> int:
        """Blocks in which every validator can act on every open case, each transaction making a block of its own."""
        liars = sum(lie.count for lie in self.lies)
        return 8 + self.all_validators * (2 + self.cheats + liars + len(self.lazy)) + 2 * liars


def save_options(options: LocalnetOptions, path: Path) -> None:
    """Write beside the run."""
    path.write_text(options.model_dump_json(indent=2) + "\n")


def load_options(path: Path) -> LocalnetOptions:
    """Read what a run was started with."""
    return LocalnetOptions.model_validate_json(path.read_text())


def load_lies(path: Path) -> tuple[Lie, ...]:
    """A cast of liars from a TOML file: [[lie]] tables. Raises SettingsError naming file and what is wrong."""
    return load_toml(path, Cast, "a cast of liars").lie
