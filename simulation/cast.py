"""Who plays in a local network: names, keys, roles, stakes. Everything follows from the seed."""

from dataclasses import dataclass

from grail.chain.accounts import Signer
from grail.protocol.hashing import keccak256
from grail.protocol.records import Role
from simulation.options import LocalnetOptions

GRAIL = 10**18
STAKES = {Role.MINER: 2_000 * GRAIL, Role.VALIDATOR: 20_000 * GRAIL, Role.TRAINER: 5_000 * GRAIL}
POCKET = 2_000 * GRAIL
"""Tokens beyond the stake: bonds of settlements, accusations, appeals."""
DELEGATED = 2_000 * GRAIL
"""What a delegator stakes on the first miner."""
GAS_MONEY = 10**20
INITIAL_SUPPLY = 10_000_000 * GRAIL
CAP = 100_000_000 * GRAIL


@dataclass(frozen=True, slots=True)
class Part:
    """One neuron of the cast. `cheat` names the adversary that plays it: a kind of attack, or of laziness."""

    name: str
    role: Role
    signer: Signer
    cheat: str | None = None


def signer_of(seed: int, name: str) -> Signer:
    """A key that follows from the seed: for local networks only, never for money."""
    return Signer.from_key(keccak256(f"grail localnet {seed} {name}".encode()))


def cast(options: LocalnetOptions) -> list[Part]:
    """Miners, cheats, validators, lazy ones, one trainer."""

    def part(name: str, role: Role, cheat: str | None = None) -> Part:
        return Part(name, role, signer_of(options.seed, name), cheat)

    miners = [part(f"miner-{i + 1}", Role.MINER) for i in range(options.miners)]
    different = len(options.attacks)
    kinds = [options.attacks[i % different] for i in range(options.cheats)]
    names = [kind if i < different else f"{kind}-{i // different + 1}" for i, kind in enumerate(kinds)]
    cheats = [part(name, Role.MINER, kind) for name, kind in zip(names, kinds, strict=True)]
    validators = [part(f"validator-{i + 1}", Role.VALIDATOR) for i in range(options.validators)]
    lazy = [part(f"lazy-{kind}", Role.VALIDATOR, kind) for kind in options.lazy]
    return [*miners, *cheats, *validators, *lazy, part("trainer", Role.TRAINER)]
