"""Does the money reconcile to the wei? Balances are rebuilt from Transfer events and compared with every contract.

Two independent views: the token's events say who holds what; the contracts say what they owe. Money is right when
supply = balances + stakes + pool + bonds, everything ever minted = supply + burnt, and claims match the settlements.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from grail.chain.subnet import Subnet
from grail.protocol.units import WindowId
from grail.storage.tables import EventRow

ZERO = "0x" + "00" * 20


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


def reconcile(subnet: Subnet, transfers: Iterable[EventRow], settled: Iterable[WindowId]) -> Reconciliation:
    """Rebuild all balances from Transfer events and compare with the contracts."""
    held: dict[str, int] = defaultdict(int)
    minted = burnt = 0
    for row in transfers:
        source, target, amount = row.fields["from"], row.fields["to"], int(row.fields["value"])
        minted += amount if source == ZERO else 0
        burnt += amount if target == ZERO else 0
        held[source] -= amount
        held[target] += amount
    held.pop(ZERO, None)
    places = {name: "0x" + address.hex() for name, address in subnet.book.addresses.items()}
    stakes, pool, bonds = (held.pop(places[name], 0) for name in ("NeuronRegistry", "RewardPool", "FaultCourt"))
    problems = list(_contract_problems(subnet, stakes, pool, bonds, minted, burnt))
    problems += list(_settlement_problems(subnet, settled, pool))
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


def _contract_problems(subnet: Subnet, stakes: int, pool: int, bonds: int, minted: int, burnt: int) -> Iterable[str]:
    """Liabilities of the contracts against what they hold by events."""
    token, registry = subnet.contracts["GrailToken"], subnet.contracts["NeuronRegistry"]
    neurons = [subnet.neuron(member) for member in subnet.members()]
    expected = {
        "stakes of all neurons": (sum(n.stake + n.unbonding for n in neurons), stakes),
        "NeuronRegistry.totalStaked": (registry.call("totalStaked"), stakes),
        "RewardPool.unclaimed": (subnet.contracts["RewardPool"].call("unclaimed"), pool),
        "bonds of open accusations": (_open_bonds(subnet), bonds),
        "GrailToken.totalSupply": (token.call("totalSupply"), minted - burnt),
        "GrailToken.totalBurnt": (token.call("totalBurnt"), burnt),
    }
    for what, (said, found) in expected.items():
        if said != found:
            yield f"{what}: the contract says {said}, the events say {found}"


def _open_bonds(subnet: Subnet) -> int:
    court = subnet.contracts["FaultCourt"]
    raw = [court.call("accusationOf", number) for number in range(court.call("accusationCount"))]
    return sum(entry["bond"] for entry in raw if not entry["resolved"])


def _settlement_problems(subnet: Subnet, settled: Iterable[WindowId], pool: int) -> Iterable[str]:
    """What settlements promised and nobody claimed yet must be exactly what the pool holds."""
    left = 0
    for window in settled:
        entry = subnet.settlement(window)
        if entry is not None:
            _, total, claimed = entry
            left += total - claimed
            if claimed > total:
                yield f"window {window}: {claimed} claimed of {total}"
    if left != pool:
        yield f"settlements leave {left} to claim, the pool holds {pool}"
