"""Where a network's contracts live: one JSON file, keyed by chain id."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grail.errors import SettingsError
from grail.foreign.files import read_object
from grail.protocol.units import Address

NAMES = (
    "GrailToken",
    "RewardPolicy",
    "PauseSwitch",
    "StakeVault",
    "NeuronRegistry",
    "CheckpointRegistry",
    "RolloutLedger",
    "RewardPool",
    "ScoreBoard",
    "FaultCourt",
    "Jury",
    "TimelockController",
    "GrailGovernor",
    "DrandBeacon",
    "ValidatorSet",
    "SettlementJudge",
)
"""In order of deployment: contract i stands at the address of the deployer's nonce + i."""


@dataclass(frozen=True, slots=True)
class AddressBook:
    """The contracts of one network. `first_block`: events are read from there."""

    chain_id: int
    addresses: Mapping[str, Address]
    first_block: int

    @property
    def treasury(self) -> Address:
        """The timelock: what it holds, votes spend."""
        return self.addresses["TimelockController"]

    def save(self, path: Path) -> None:
        """Write as JSON; entries of other chains in the same file stay."""
        books = json.loads(path.read_text()) if path.exists() else {}
        books[str(self.chain_id)] = {
            "contracts": {name: "0x" + address.hex() for name, address in self.addresses.items()},
            "first_block": self.first_block,
        }
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(books, indent=2) + "\n")
        part.replace(path)

    @classmethod
    def load(cls, path: Path, chain_id: int | None = None) -> "AddressBook":
        """Read one chain's entry; without `chain_id` the file must hold just one.

        Raises SettingsError naming what is missing.
        """
        books = read_object(path, "an address book", "ask the network for it")
        try:
            if chain_id is None and len(books) != 1:
                raise SettingsError(f"expected one chain in {path}, got {', '.join(books)}: name the chain")
            key = str(chain_id) if chain_id is not None else next(iter(books))
            body = books[key]
            addresses = {name: bytes.fromhex(body["contracts"][name][2:]) for name in NAMES}
            if not all(len(address) == 20 for address in addresses.values()):
                raise ValueError("an address of 20 bytes")
            return cls(int(key), addresses, int(body["first_block"]))
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"expected an address book in {path}, but it lacks {error}") from error
