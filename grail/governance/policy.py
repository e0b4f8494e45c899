"""Every governed number [C]: name, unit, bounds, default. Twin of RewardPolicy.sol; a test compares the two.

A window obeys the values that held at its first block (`RewardPolicy.at`), so no change reaches into running work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from grail.errors import SettingsError
from grail.protocol.constants import BPS
from grail.protocol.hashing import keccak256

ETHER = 10**18


@dataclass(frozen=True, slots=True)
class Parameter:
    """One governed number; `reason` says why the default is what it is."""

    name: str
    unit: str
    default: int
    low: int
    high: int
    reason: str
    phase: bool = False
    """A time that somebody has to act in: never below the network's floor."""

    @property
    def key(self) -> bytes:
        """Key in RewardPolicy: keccak-256 of the name."""
        return keccak256(self.name.encode())


@dataclass(frozen=True, slots=True)
class Floors:
    """What no vote can change: constants of the contract. `phase`: least blocks of every phase; two hours of 12 s."""

    phase: int = 600
    window: int = 360
    """Blocks of a window, as the ledger counts them."""

    def low(self, parameter: Parameter) -> int:
        """Lower bound of a parameter in this network."""
        return max(parameter.low, self.phase) if parameter.phase else parameter.low


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("group_size", "rollouts", 8, 2, 64, "the G of GRPO: half the groups of a mid-skill model are mixed"),
    Parameter("max_groups", "groups", 64, 1, 4096, "bounds one miner's blob and its share of a window"),
    Parameter("reliability_windows", "windows", 4, 1, 16, "an honest breakdown is forgotten in a quarter of a day"),
    Parameter("max_group_worth", "10⁻³ tokens", 8_192_000, 1_000, 10**12, "8 rollouts of 1,024 tokens, base rate"),
    Parameter("sketch_dim", "float16", 8, 1, 64, "16 bytes per sketched position"),
    Parameter("sketch_stride", "tokens", 8, 1, 1024, "with sketch_dim 8: 2 bytes a token"),
    Parameter("bond_per_group", "wei", 10 * ETHER, ETHER // 1000, 10**6 * ETHER, "b >= 10 g (1 - x) / x"),
    Parameter("min_stake_miner", "wei", 100 * ETHER, ETHER, 10**7 * ETHER, "ten groups' bond"),
    Parameter("min_stake_validator", "wei", 1000 * ETHER, ETHER, 10**7 * ETHER, "a window's emission"),
    Parameter("min_stake_trainer", "wei", 1000 * ETHER, ETHER, 10**7 * ETHER, "a window's emission"),
    Parameter("unbonding_blocks", "blocks", 100_800, 10, 2_000_000, "14 days: above the longest dispute", phase=True),
    Parameter("max_validators", "validators", 128, 1, 128, "the places of the tree that draws are made from"),
    Parameter("accusation_horizon_blocks", "blocks", 14_400, 4, 500_000, "two days after the window", phase=True),
    Parameter("accusation_bond", "wei", 50 * ETHER, ETHER // 1000, 10**6 * ETHER, "above a false accusation's harm"),
    Parameter("jury_seats", "seats", 7, 1, 101, "Kleros' odd few: an appeal asks everybody"),
    Parameter("juror_penalty", "wei", 5 * ETHER, 0, 1000 * ETHER, "half a per cent of the least stake: a nudge"),
    Parameter("vote_commit_blocks", "blocks", 1_800, 2, 100_000, "six hours of 12 s to replay", phase=True),
    Parameter("vote_reveal_blocks", "blocks", 1_800, 2, 100_000, "six hours to open a vote", phase=True),
    Parameter("appeal_blocks", "blocks", 3_600, 2, 100_000, "twelve hours to see a ruling and object", phase=True),
    Parameter("appeal_bond", "wei", 200 * ETHER, ETHER // 1000, 10**6 * ETHER, "everybody's work, four bonds' worth"),
    Parameter("settlement_bond", "wei", 500 * ETHER, ETHER // 1000, 10**6 * ETHER, "half a window's emission"),
    Parameter("settlement_challenge_blocks", "blocks", 3_600, 2, 100_000, "twelve hours to recompute", phase=True),
    Parameter("settlement_move_blocks", "blocks", 1_800, 2, 100_000, "six hours for a move of a duel", phase=True),
    Parameter("reject_penalty", "wei", 50 * ETHER, 0, 1000 * ETHER, "what a wrong rejection costs its validator"),
    Parameter("claim_expiry_blocks", "blocks", 1_296_000, 100, 20_000_000, "half a year to claim", phase=True),
    Parameter("commission_notice_blocks", "blocks", 50_400, 2, 1_000_000, "seven days", phase=True),
    Parameter("pause_blocks", "blocks", 36_000, 2, 100_000, "five days: a vote takes longer to forge than to hold"),
    Parameter("emission_per_window", "wei", 1000 * ETHER, 0, 10**6 * ETHER, "upper bound of what a window mints"),
    Parameter("halving_windows", "windows", 30_000, 100, 10**7, "about four years of 72 minutes"),
    Parameter("split_miners_bps", "bps", 6_000, 1_000, 9_000, "work is most of the cost"),
    Parameter("split_validators_bps", "bps", 2_500, 500, 5_000, "audits, stake at risk"),
    Parameter("split_trainer_bps", "bps", 1_000, 0, 3_000, "one accelerator's keep"),
    Parameter("split_treasury_bps", "bps", 400, 0, 3_000, "what holders may spend"),
    Parameter("split_burn_bps", "bps", 100, 0, 5_000, "minted and burnt: a brake that votes can pull"),
    Parameter("quorum_bps", "bps", 5_000, 3_400, 8_000, "stake that must vote for an appeal to change a ruling"),
    Parameter("audit_seats", "seats", 5, 1, 15, "one honest among five sees what four friends pass over"),
    Parameter("audit_rollouts", "rollouts", 16, 1, 4096, "dealt to each seat; five seats replay a sixth of 64 groups"),
    Parameter("evidence_reject_exp", "log10 e-value", 4, 2, 9, "unpaid: an honest miner once in 10^4 windows at most"),
    Parameter("evidence_fault_exp", "log10 e-value", 9, 6, 30, "slashed: an honest miner once in 10^9 windows at most"),
    Parameter("slash_bps", "bps", 5_000, 100, 5_000, "half the stake for a proven fault, and no vote can ask more"),
    Parameter("slash_accuser_bps", "bps", 3_000, 100, 4_500, "of the owner's own loss: below half of it"),
    Parameter("accuse_cost", "wei", 5 * ETHER, 0, 1000 * ETHER, "gas and work of an accusation, several times"),
    Parameter("slash_burn_bps", "bps", 5_000, 1_000, 10_000, "the rest goes to the treasury"),
    Parameter(
        "beacon_drand",
        "0 or 1",
        0,
        0,
        1,
        "1 costs a minute and two calls; without effect on chains that check no rounds",
    ),
    Parameter("metagraph_factor", "bonds", 1, 1, 4, "most that a validator counts with, alpha included; 1: no alpha"),
    Parameter("metagraph_max_age", "blocks", 7_200, 20, 100_000, "a day of 12 s: alpha that nobody has read lapses"),
    Parameter("max_observed_tokens", "tokens", 4_096, 0, 32_768, "two for each sampled one of a long dialogue"),
    Parameter("observed_milli", "10⁻³ tokens", 0, 0, 250, "prefill is cheap, and what the world says nobody chose"),
    Parameter("max_staleness", "versions", 2, 0, 64, "asynchronous: two updates may overtake work; 0 is sequential"),
)

BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The values that hold in one window. Field names are the parameters'; units as in the table above."""

    group_size: int
    max_groups: int
    reliability_windows: int
    max_group_worth: int
    sketch_dim: int
    sketch_stride: int
    bond_per_group: int
    min_stake_miner: int
    min_stake_validator: int
    min_stake_trainer: int
    unbonding_blocks: int
    max_validators: int
    accusation_horizon_blocks: int
    accusation_bond: int
    jury_seats: int
    juror_penalty: int
    vote_commit_blocks: int
    vote_reveal_blocks: int
    appeal_blocks: int
    appeal_bond: int
    settlement_bond: int
    settlement_challenge_blocks: int
    settlement_move_blocks: int
    reject_penalty: int
    claim_expiry_blocks: int
    commission_notice_blocks: int
    pause_blocks: int
    emission_per_window: int
    halving_windows: int
    split_miners_bps: int
    split_validators_bps: int
    split_trainer_bps: int
    split_treasury_bps: int
    split_burn_bps: int
    quorum_bps: int
    audit_seats: int
    audit_rollouts: int
    evidence_reject_exp: int
    evidence_fault_exp: int
    slash_bps: int
    slash_accuser_bps: int
    accuse_cost: int
    slash_burn_bps: int
    beacon_drand: int
    metagraph_factor: int
    metagraph_max_age: int
    max_observed_tokens: int
    observed_milli: int
    max_staleness: int

    @classmethod
    def defaults(cls, floors: Floors | None = None, **changes: int) -> "Policy":
        """Default values with `changes`, checked against bounds and cross rules."""
        values = {p.name: p.default for p in PARAMETERS} | changes
        check(values, floors or Floors())
        return cls(**values)

    def as_dict(self) -> dict[str, int]:
        """Name to value, in table order."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def check(values: Mapping[str, int], floors: Floors) -> None:
    """Raise SettingsError on the first unknown name, value out of bounds or broken cross rule."""
    for name, value in values.items():
        if name not in BY_NAME:
            raise SettingsError(f"expected a governed parameter, got {name!r}: see docs/spec/policy.md for the names")
        parameter = BY_NAME[name]
        low = floors.low(parameter)
        if not low <= value <= parameter.high:
            raise SettingsError(f"expected {name} in [{low}, {parameter.high}] {parameter.unit}, got {value}")
    full = {p.name: p.default for p in PARAMETERS} | dict(values)
    split = sum(full[f"split_{who}_bps"] for who in ("miners", "validators", "trainer", "treasury", "burn"))
    if split != BPS:
        raise SettingsError(f"expected the five parts of the emission split to sum to {BPS} bps, got {split}")
    if full["slash_accuser_bps"] + full["slash_burn_bps"] > BPS:
        raise SettingsError("expected slash_accuser_bps + slash_burn_bps to be at most 10000")
    needed = longest_dispute(full, floors.window)
    if full["unbonding_blocks"] < needed:
        raise SettingsError(
            f"expected unbonding_blocks >= {needed}, got {full['unbonding_blocks']}: accusation_horizon_blocks, two "
            "rounds of votes, an appeal, a pause and two windows; otherwise a cheat leaves before its trial ends"
        )
    if full["juror_penalty"] * 10 > full["min_stake_validator"]:
        raise SettingsError("expected juror_penalty to be at most a tenth of min_stake_validator")
    if least_accuser_reward(full) < full["accuse_cost"]:
        raise SettingsError(
            f"expected accuse_cost to be at most {least_accuser_reward(full)} wei, what accusing the smallest miner "
            f"pays: nine tenths of min_stake_miner x slash_bps x slash_accuser_bps; got {full['accuse_cost']}"
        )


def longest_dispute(values: Mapping[str, int], window: int) -> int:
    """Blocks from a window's start to the end of the last dispute about it: what unbonding must outlast.

    The window counts twice: once itself, once for the steps between the phases, which somebody has to take.
    """
    trial = 2 * (values["vote_commit_blocks"] + values["vote_reveal_blocks"]) + values["appeal_blocks"]
    return values["accusation_horizon_blocks"] + trial + values["pause_blocks"] + 2 * window


def least_accuser_reward(values: Mapping[str, int]) -> int:
    """Wei that convicting the smallest working miner pays its accuser: out of the owner's own nine tenths."""
    own = values["min_stake_miner"] * 9 // 10
    return own * values["slash_bps"] * values["slash_accuser_bps"] // BPS**2
