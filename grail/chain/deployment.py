"""One network's contracts: deploy from the packaged artifacts, resume, verify. Nobody keeps a key to them.

Contracts name each other in their constructors, by the addresses that the deployer's next nonces give: so every
reference is immutable, nothing is wired afterwards, and the deployer has no power at any moment. The owner of
everything is the timelock; the timelock obeys the governor; the governor counts votes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grail.chain.accounts import Signer
from grail.chain.address_book import NAMES, AddressBook
from grail.chain.base import Chain
from grail.chain.contract import Contract, artifact, deployment_data
from grail.chain.drand import QUICKNET, DrandNetwork
from grail.errors import ChainError, SettingsError, WrongChain
from grail.governance.policy import Floors, check
from grail.protocol.schedule import Schedule
from grail.protocol.units import Address
from grail.settlement.leaves import PLACES

NOBODY = bytes(20)
CREATOR_REFUSED = "NotAllowed"
"""Subtensor's EVM pallet: not among its whitelisted creators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingRules:
    """How token holders decide. Blocks, but for the timelock's seconds; `threshold` in wei."""

    delay_blocks: int = 14_400
    period_blocks: int = 36_000
    late_extension_blocks: int = 7_200
    threshold: int = 50_000 * 10**18
    quorum_percent: int = 4
    timelock_seconds: int = 3 * 24 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """What a deployment is to be. `overrides` are start values of governed parameters; amounts in wei.

    `environments`: id to (weight, reward in thousandths). `holders`: who gets the initial supply. `trainers` may
    publish checkpoints from the start. `guardian` may pause; 20 zero bytes for nobody. `phase_floor`: blocks
    below which no vote can ever bring a phase; two hours of 12 s. `follows`: token of the network before, of which at
    most `exchangeable` wei are taken over. `netuid`: the subnet whose alpha votes may let count.
    """

    schedule: Schedule
    overrides: Mapping[str, int]
    environments: Mapping[str, tuple[int, int]]
    holders: Mapping[Address, int]
    cap: int
    trainers: Sequence[Address] = ()
    guardian: Address = NOBODY
    voting: VotingRules = field(default_factory=VotingRules)
    drand: DrandNetwork = QUICKNET
    netuid: int = 0
    phase_floor: int = Floors().phase
    follows: Address | None = None
    exchangeable: int = 0

    @property
    def floors(self) -> Floors:
        """What no vote can change."""
        return Floors(self.phase_floor, self.schedule.window)


def predicted_address(deployer: Address, nonce: int) -> Address:
    """Address of the contract that `deployer` creates with `nonce`: last 20 bytes of keccak(rlp([deployer, nonce]))."""
    from eth_utils.crypto import keccak
    from rlp import encode

    return keccak(encode([deployer, nonce]))[12:]


def deploy(
    chain: Chain,
    deployer: Signer,
    plan: NetworkPlan,
    *,
    first_nonce: int | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> AddressBook:
    """Deploy what is missing and verify everything.

    `first_nonce`: the deployer's nonce at which the deployment began; with it, a broken-off deployment goes on. Raises
    SettingsError when the plan is impossible, or when the deployer sent something else in between.
    """
    check(plan.overrides, plan.floors)
    if sum(plan.holders.values()) + plan.exchangeable > plan.cap:
        raise SettingsError("expected the holders' amounts, with what can be exchanged, to be at most the cap")
    if bool(plan.follows) != bool(plan.exchangeable):
        raise SettingsError("expected a token that this one follows and how much of it can be exchanged, or neither")
    began = chain.nonce(deployer.address) if first_nonce is None else first_nonce
    places = {name: predicted_address(deployer.address, began + i) for i, name in enumerate(NAMES)}
    book = AddressBook(chain.chain_id, places, chain.head().number)
    values = constructor_values(places, plan)
    for i, name in enumerate(NAMES):
        notify(name)
        if chain.code(places[name]):
            continue
        nonce = chain.nonce(deployer.address)
        if nonce != began + i:
            raise SettingsError(
                f"expected the deployer's nonce to be {began + i} before {name}, got {nonce}: it sent something else "
                "in between; remove the deployment's state file to start anew"
            )
        _create(chain, deployer, deployment_data(name, *values[name]))
    verify_code(chain, book)
    return book


def _create(chain: Chain, deployer: Signer, data: bytes) -> None:
    """Raises SettingsError where the chain lets only some create contracts (Subtensor may), and not this one."""
    try:
        chain.send(deployer, None, data)
    except ChainError as error:
        if CREATOR_REFUSED not in str(error):
            raise
        raise SettingsError(
            f"this chain creates contracts for whitelisted accounts alone, and {deployer.name} is none: ask its "
            f"operators (EVM.WhitelistedCreators), then run it again; nothing was spent ({error})"
        ) from error


def constructor_values(at: Mapping[str, Address], plan: NetworkPlan) -> dict[str, tuple[Any, ...]]:
    """Arguments of every constructor."""
    timelock, times, voting = at["TimelockController"], plan.schedule, plan.voting
    base = (timelock, at["GrailToken"], at["RewardPolicy"])
    paused = (*base, at["PauseSwitch"])
    work = (at["NeuronRegistry"], at["StakeVault"], at["RolloutLedger"])
    judges = (at["ValidatorSet"], at["SettlementJudge"])
    timing = (times.genesis, times.window, times.commit, times.score, times.reveal)
    return {
        "GrailToken": _token(timelock, at["RewardPool"], plan),
        "RewardPolicy": (
            timelock,
            (plan.floors.phase, plan.floors.window),
            list(plan.overrides),
            list(plan.overrides.values()),
            _mix(plan),
        ),
        "PauseSwitch": (timelock, at["RewardPolicy"], plan.guardian),
        "StakeVault": (
            (*paused, at["ValidatorSet"], at["NeuronRegistry"], at["RewardPool"], at["FaultCourt"], at["Jury"]),
        ),
        "NeuronRegistry": (timelock, at["StakeVault"], at["FaultCourt"]),
        "CheckpointRegistry": (timelock, at["NeuronRegistry"], at["RolloutLedger"], list(plan.trainers)),
        "RolloutLedger": (
            at["RewardPolicy"],
            at["NeuronRegistry"],
            at["StakeVault"],
            at["CheckpointRegistry"],
            at["DrandBeacon"],
            timing,
        ),
        "RewardPool": (
            (
                *base,
                at["RolloutLedger"],
                at["StakeVault"],
                at["PauseSwitch"],
                at["CheckpointRegistry"],
                at["FaultCourt"],
                at["Jury"],
                at["ScoreBoard"],
                timelock,
                PLACES,
            ),
        ),
        "ScoreBoard": ((*paused, at["NeuronRegistry"], at["RolloutLedger"], at["RewardPool"], *judges),),
        "FaultCourt": ((*paused, *work, at["Jury"], timelock),),
        "Jury": ((*paused, *work, at["FaultCourt"], *judges),),
        "TimelockController": (voting.timelock_seconds, [at["GrailGovernor"]], [NOBODY], NOBODY),
        "GrailGovernor": (at["GrailToken"], at["StakeVault"], timelock, _rules(voting)),
        "DrandBeacon": (plan.drand.public_key, plan.drand.genesis, plan.drand.period, plan.drand.delay),
        "ValidatorSet": (at["RewardPolicy"], at["StakeVault"], at["NeuronRegistry"], at["RolloutLedger"], plan.netuid),
        "SettlementJudge": tuple(
            at[name] for name in ("RewardPolicy", "RolloutLedger", "ValidatorSet", "FaultCourt", "ScoreBoard")
        ),
    }


def _token(timelock: Address, pool: Address, plan: NetworkPlan) -> tuple[Any, ...]:
    holders = (list(plan.holders), list(plan.holders.values()))
    return (timelock, pool, plan.cap, *holders, plan.follows or NOBODY, plan.exchangeable)


def _mix(plan: NetworkPlan) -> tuple[list[str], list[int], list[int]]:
    weights, rewards = zip(*plan.environments.values(), strict=True)
    return list(plan.environments), list(weights), list(rewards)


def _rules(voting: VotingRules) -> tuple[int, ...]:
    blocks = (voting.delay_blocks, voting.period_blocks)
    return (*blocks, voting.threshold, voting.quorum_percent, voting.late_extension_blocks)


def verify_code(chain: Chain, book: AddressBook) -> None:
    """Compare what stands on chain with the packaged artifacts, immutables left out. Raises WrongChain naming what."""
    for name in NAMES:
        built = artifact(name)
        expected, found = bytearray.fromhex(built["runtime"][2:]), bytearray(chain.code(book.addresses[name]))
        for start, length in built["immutables"]:
            for code in (expected, found):
                code[start : start + length] = bytes(len(code[start : start + length]))
        if expected != found:
            raise WrongChain(
                f"expected the packaged {name} at 0x{book.addresses[name].hex()}, got "
                f"{'other code' if found else 'no code'}: check address book, chain URL and version of Grail"
            )


def open_contracts(chain: Chain, book: AddressBook) -> dict[str, Contract]:
    """All contracts of a network. Raises WrongChain when the chain is another one than the book's."""
    if chain.chain_id != book.chain_id:
        raise WrongChain(
            f"expected chain id {book.chain_id} from the address book, got {chain.chain_id}: check the chain URL"
        )
    return {name: Contract(chain, name, address) for name, address in book.addresses.items()}
