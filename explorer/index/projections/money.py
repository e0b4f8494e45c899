"""Who holds and stakes what, and what windows paid."""

from collections.abc import Mapping
from typing import Any

from explorer.index.writer import Writer, block_of, clock_at, commission_of
from grail.protocol.constants import BPS
from grail.settlement.payouts import Share
from grail.storage.chain_tables import (
    BALANCES,
    CLAIMS,
    EARNED,
    EXCHANGES,
    NEURONS,
    POOLS,
    POSITIONS,
    REWARDS,
    SETTLEMENTS,
    SLASHES,
    STAKINGS,
    SUPPLY,
    TRANSFERS,
)

NOBODY = "0x" + "00" * 20
TOKEN = ("GRAIL",)
SHARE_SCALE = 10**27
"""What the vault multiplies rewards a share by."""


def _transfer(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    source, target, amount = f["from"], f["to"], int(f["value"])
    w.add(TRANSFERS, place=place, source=source, target=target, amount=amount)
    _count(w, place, minted=amount if source == NOBODY else 0, burnt=amount if target == NOBODY else 0)
    for account, change in ((source, -amount), (target, amount)):
        if account != NOBODY:
            now = w.now(BALANCES, account)
            w.hold(place, BALANCES, (account,), amount=(now["amount"] if now else 0) + change)


def _count(w: Writer, place: int, *, minted: int, burnt: int) -> None:
    now = w.now(SUPPLY, *TOKEN) or {"minted": 0, "burnt": 0}
    if minted or burnt:
        w.hold(place, SUPPLY, TOKEN, minted=now["minted"] + minted, burnt=now["burnt"] + burnt)


def _exchanged(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(EXCHANGES, place=place, holder=f["holder"], amount=int(f["amount"]))


def _pool(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, POOLS, (f["neuron"],), stake=int(f["stake"]), shares=int(f["shares"]))


def _shares(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, POSITIONS, (f["neuron"], f["staker"]), shares=int(f["shares"]))


def _staking(act: str) -> Any:
    def project(w: Writer, place: int, f: Mapping[str, Any]) -> None:
        values = {"neuron": f.get("neuron", NOBODY), "staker": f["staker"], "ready_at": int(f.get("readyAt", 0))}
        w.add(STAKINGS, place=place, act=act, amount=int(f["amount"]), **values)

    return project


def _slashed(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(SLASHES, place=place, neuron=f["neuron"], amount=int(f["amount"]))


def _settled(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    burnt = int(f["burnt"])
    w.add(SETTLEMENTS, place=place, window=int(f["window"]), root=f["root"], minted=int(f["total"]), burnt=burnt)
    _count(w, place, minted=burnt, burnt=burnt)  # minted and burnt at once: no transfer says so


def _claim(expired: bool) -> Any:
    def project(w: Writer, place: int, f: Mapping[str, Any]) -> None:
        numbers = {"window": int(f["window"]), "share": int(f["share"]), "amount": int(f["amount"])}
        w.add(CLAIMS, place=place, account=f["account"], expired=expired, **numbers)
        if not expired:
            now = w.now(EARNED, f["account"]) or {"amount": 0, "claims": 0}
            paid = {"amount": now["amount"] + numbers["amount"], "claims": now["claims"] + 1}
            w.hold(place, EARNED, (f["account"],), **paid)
            if numbers["share"] != Share.TREASURY:
                _divided(w, place, f["account"], numbers["amount"])

    return project


def _divided(w: Writer, place: int, neuron: str, amount: int) -> None:
    """What of it delegators are given, a share. Twin of StakeVault.divide."""
    pool, own, known = w.now(POOLS, neuron), w.now(POSITIONS, neuron, neuron), w.now(NEURONS, neuron)
    others = (pool["shares"] if pool else 0) - (own["shares"] if own else 0)
    if pool is None or known is None or others <= 0:
        return
    rest = amount * others // pool["shares"]
    rest -= rest * commission_of(known, clock_at(w, block_of(place))) // BPS
    before = w.now(REWARDS, neuron) or {"per_share": 0}
    w.hold(place, REWARDS, (neuron,), per_share=before["per_share"] + rest * SHARE_SCALE // others)


PROJECTIONS = {
    ("GrailToken", "Transfer"): _transfer,
    ("GrailToken", "Exchanged"): _exchanged,
    ("StakeVault", "PoolChanged"): _pool,
    ("StakeVault", "SharesChanged"): _shares,
    ("StakeVault", "Staked"): _staking("stake"),
    ("StakeVault", "UnstakeRequested"): _staking("unstake"),
    ("StakeVault", "Withdrawn"): _staking("withdraw"),
    ("StakeVault", "Collected"): _staking("collect"),
    ("StakeVault", "Slashed"): _slashed,
    ("RewardPool", "WindowSettled"): _settled,
    ("RewardPool", "Claimed"): _claim(expired=False),
    ("RewardPool", "Expired"): _claim(expired=True),
}
