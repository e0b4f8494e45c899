"""Does the money reconcile to the wei? Balances are rebuilt from Transfer events and compared with every contract.

Two independent views: the token's events say who holds what; the contracts say what they owe. Money is right when
supply = balances + stakes + pool + bonds, everything ever minted = supply + burnt, and claims match the settlements.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from grail.chain.subnet import Subnet
from grail.protocol.units import WindowId
from grail.storage.tables import EventRow

ZERO = "0x" + "00" * 20
BOND_HOLDERS = ("ScoreBoard", "Jury")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """All amounts in wei. `problems` is empty when everything agrees."""

    supply: int
    """Everything that was ever minted."""
    balances: int
    stakes: int
    pool: int
    bonds: int
    burnt: int
    problems: tuple[str, ...]

    @property
    def accounted(self) -> int:
        """Where it is."""
        return self.balances + self.stakes + self.pool + self.bonds + self.burnt

    @property
    def right(self) -> bool:
        """Does everything agree to the wei?"""
        return not self.problems and self.supply == self.accounted


def reconcile(
    subnet: Subnet, events: Callable[[str], Iterable[EventRow]], settled: Iterable[WindowId]
) -> Reconciliation:
    """Rebuild all balances from the journal's events (by name) and compare with what the contracts say."""
    held: dict[str, int] = defaultdict(int)
    minted = burnt = 0
    places = {name: "0x" + address.hex() for name, address in subnet.book.addresses.items()}
    rewards = -sum(int(row.fields["amount"]) for row in events("Collected"))
    for row in events("Transfer"):
        source, target, amount = row.fields["from"], row.fields["to"], int(row.fields["value"])
        minted += amount if source == ZERO else 0
        burnt += amount if target == ZERO else 0
        held[source] -= amount
        held[target] += amount
        rewards += amount if (source, target) == (places["RewardPool"], places["StakeVault"]) else 0
    at_once = sum(int(row.fields["burnt"]) for row in events("WindowSettled"))  # minted and burnt, and never held
    minted, burnt = minted + at_once, burnt + at_once
    held.pop(ZERO, None)
    stakes, pool = held.pop(places["StakeVault"], 0), held.pop(places["RewardPool"], 0)
    bonds = sum(held.pop(places[name], 0) for name in BOND_HOLDERS)
    problems = list(_contract_problems(subnet, stakes, rewards, pool, bonds, minted, burnt))
    problems += list(_settlement_problems([*events("Claimed"), *events("Expired")], events("WindowSettled")))
    for account, amount in held.items():
        if subnet.balance(bytes.fromhex(account[2:])) != amount:
            problems.append(f"{account}: events say {amount}, the token says otherwise")
    return Reconciliation(
        supply=minted,
        balances=sum(held.values()),
        stakes=stakes,
        pool=pool,
        bonds=bonds,
        burnt=burnt,
        problems=tuple(problems),
    )


def _contract_problems(
    subnet: Subnet, stakes: int, rewards: int, pool: int, bonds: int, minted: int, burnt: int
) -> Iterable[str]:
    """Liabilities of the contracts against what they hold by events."""
    token, vault = subnet.contracts["GrailToken"], subnet.contracts["StakeVault"]
    staked = sum(vault.call("heldFor", member) for member in subnet.members())
    held_bonds = sum(subnet.contracts[name].call("bondsHeld") for name in BOND_HOLDERS)
    expected = {
        "stakes of all neurons, and delegators' rewards": (
            staked + rewards,
            stakes,
        ),
        "StakeVault.totalOwed": (vault.call("totalOwed"), stakes),
        "RewardPool.unclaimed": (subnet.contracts["RewardPool"].call("unclaimed"), pool),
        "bonds of open quarrels": (held_bonds, bonds),
        "GrailToken.totalSupply": (token.call("totalSupply"), minted - burnt),
        "GrailToken.totalBurnt": (token.call("totalBurnt"), burnt),
    }
    for what, (said, found) in expected.items():
        if said != found:
            yield f"{what}: the contract says {said}, the events say {found}"


def _settlement_problems(taken: Iterable[EventRow], settled: Iterable[EventRow]) -> Iterable[str]:
    """No window pays more than its emission: what it minted at once, and what juries let go of later."""
    paid: dict[int, int] = defaultdict(int)
    for row in taken:
        paid[row.fields["window"]] += int(row.fields["amount"])
    final = {row.fields["window"] for row in settled}
    for window in sorted(set(paid) - final):
        yield f"window {window}: {paid[window]} wei paid before it was final"
