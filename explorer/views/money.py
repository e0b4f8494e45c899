"""Where all money is, to the wei, and what an account holds."""

from sqlalchemy import select

from explorer.index.writer import worth
from explorer.views.base import NOBODY, Look, NotThere, Row
from explorer.views.neurons import rows_of
from explorer.views.returns import best_known
from grail.storage import chain_tables as t

RETURNS = 50
"""Neurons whose returns are listed: those with most stake."""
HOLDERS = {
    "StakeVault": "stake, and delegators' rewards", "RewardPool": "minted, not claimed yet",
    "ScoreBoard": "bonds of statements", "Jury": "bonds of cases", "TimelockController": "treasury",
}  # fmt: skip


def money(look: Look) -> Row:
    """Minted = burnt + everything that is held; `gap` is what does not add up, and must be 0."""
    supply = next(iter(look.held(t.SUPPLY)), {"minted": 0, "burnt": 0})
    balances = {row["account"]: row["amount"] for row in look.held(t.BALANCES)}
    parts = []
    for name, what in HOLDERS.items():
        address = look.standing["contracts"].get(name, NOBODY)
        parts.append({"what": what, "contract": name, "account": address, "amount": balances.pop(address, 0)})
    richest = sorted(balances.items(), key=lambda pair: -pair[1])[:50]
    others = sum(balances.values())
    parts.append({"what": "held by everybody else", "contract": None, "account": None, "amount": others})
    held = sum(part["amount"] for part in parts)
    return {
        "minted": supply["minted"], "burnt": supply["burnt"], "held": held,
        "gap": supply["minted"] - supply["burnt"] - held, "parts": parts,
        "accounts": [{"account": account, "amount": amount} for account, amount in richest if amount],
        "returns": best_known(look, rows_of(look), RETURNS),
        "slashed": sum(look.connection.scalars(select(t.SLASHES.c.amount))),
        "windows": [
            {key: row[key] for key in ("window", "minted", "burnt", "block", "time", "final")}
            for row in look.facts(t.SETTLEMENTS, limit=50)
        ],
    }  # fmt: skip


def account(look: Look, address: str) -> Row:
    """Any account: what it holds, stakes, may vote with, and its last transfers. Raises NotThere for strangers."""
    balance = look.held(t.BALANCES, t.BALANCES.c.account == address)
    stakes = look.held(t.POSITIONS, t.POSITIONS.c.staker == address)
    known = balance or stakes or address in look.contracts or address in look.neurons
    if not known:
        raise NotThere(f"{address} has never held or staked a token")
    pools = {row["neuron"]: row for row in look.held(t.POOLS)}
    where = (t.TRANSFERS.c.source == address) | (t.TRANSFERS.c.target == address)
    delegate = look.held(t.DELEGATIONS, t.DELEGATIONS.c.delegator == address)
    power = look.held(t.POWER, t.POWER.c.delegate == address)
    return {
        "account": address,
        "contract": look.contracts.get(address),
        "neuron": address in look.neurons,
        "balance": balance[0]["amount"] if balance else 0,
        "delegate": delegate[0]["delegate"] if delegate else None,
        "votes": power[0]["votes"] if power else 0,
        "positions": [
            {"neuron": row["neuron"], "stake": worth(row["shares"], pools[row["neuron"]])}
            for row in stakes
            if row["shares"]
        ],
        "stakings": look.facts(t.STAKINGS, t.STAKINGS.c.staker == address, limit=50),
        "transfers": look.facts(t.TRANSFERS, where, limit=50),
        "ballots": look.facts(t.BALLOTS, t.BALLOTS.c.voter == address, limit=50),
    }
