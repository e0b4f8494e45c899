"""One network's contracts: deploy and wire them from the packaged artifacts; read and write the address book."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grail.chain.accounts import Signer
from grail.chain.base import Chain
from grail.chain.contract import Contract, deployment_data
from grail.errors import SettingsError, WrongChain
from grail.protocol.schedule import Schedule
from grail.protocol.units import Address

NAMES = (
    "GrailToken",
    "RewardPolicy",
    "NeuronRegistry",
    "CheckpointRegistry",
    "RolloutLedger",
    "RewardPool",
    "ScoreBoard",
    "FaultCourt",
)


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Where a network's contracts live."""

    chain_id: int
    addresses: Mapping[str, Address]
    treasury: Address
    first_block: int

    def save(self, path: Path) -> None:
        """Write as JSON."""
        body = {
            "chain_id": self.chain_id,
            "contracts": {name: "0x" + address.hex() for name, address in self.addresses.items()},
            "treasury": "0x" + self.treasury.hex(),
            "first_block": self.first_block,
        }
        path.write_text(json.dumps(body, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "AddressBook":
        """Read from JSON. Raises SettingsError naming what is missing."""
        try:
            body = json.loads(path.read_text())
            addresses = {name: bytes.fromhex(body["contracts"][name][2:]) for name in NAMES}
            return cls(body["chain_id"], addresses, bytes.fromhex(body["treasury"][2:]), body["first_block"])
        except OSError as error:
            raise SettingsError(
                f"expected an address book at {path} ({error.strerror}): ask the network for it"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"expected an address book in {path}, but it lacks {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """What a deployment is to be. `overrides` are start values of governed parameters; amounts in wei."""

    schedule: Schedule
    overrides: Mapping[str, int]
    environments: Mapping[str, int]
    initial_supply: int
    cap: int
    treasury: Address


def deploy(chain: Chain, deployer: Signer, plan: NetworkPlan) -> AddressBook:
    """Deploy and wire all contracts. The deployer owns the policy, the registry and the checkpoints."""
    owner, timing = deployer.address, plan.schedule
    first = chain.head().number

    def put(name: str, *values: object) -> Address:
        receipt = chain.send(deployer, None, deployment_data(name, *values))
        assert receipt.contract is not None
        return receipt.contract

    token = put("GrailToken", owner, plan.initial_supply, plan.cap)
    policy = put("RewardPolicy", owner, list(plan.overrides), list(plan.overrides.values()))
    registry = put("NeuronRegistry", owner, token, policy)
    checkpoints = put("CheckpointRegistry", owner, registry)
    times = (timing.genesis, timing.window, timing.commit, timing.score, timing.reveal)
    ledger = put("RolloutLedger", policy, registry, checkpoints, times)
    pool = put("RewardPool", token, policy, ledger)
    board = put("ScoreBoard", policy, registry, ledger, pool)
    court = put("FaultCourt", token, policy, registry, ledger, plan.treasury)
    places = (token, policy, registry, checkpoints, ledger, pool, board, court)
    book = AddressBook(chain.chain_id, dict(zip(NAMES, places, strict=True)), plan.treasury, first)
    contracts = open_contracts(chain, book)
    contracts["GrailToken"].send(deployer, "setMinter", pool)
    contracts["NeuronRegistry"].send(deployer, "setCourt", court)
    contracts["CheckpointRegistry"].send(deployer, "setWindows", ledger)
    contracts["RewardPool"].send(deployer, "setBoard", board)
    ids, weights = list(plan.environments), list(plan.environments.values())
    contracts["RewardPolicy"].send(deployer, "setEnvironments", ids, weights)
    return book


def open_contracts(chain: Chain, book: AddressBook) -> dict[str, Contract]:
    """All contracts of a network. Raises WrongChain when the chain is another one than the book's."""
    if chain.chain_id != book.chain_id:
        raise WrongChain(
            f"expected chain id {book.chain_id} from the address book, got {chain.chain_id}: check the chain URL"
        )
    return {name: Contract(chain, name, address) for name, address in book.addresses.items()}
