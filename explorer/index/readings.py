"""What events do not say and the contracts do: how a window's seats spoke, what its parts are worth, a vote's quorum.

A reading is taken once its answer can no longer change but by a reorganisation, kept as it was given, and turned into
rows by pure functions, so that an index is made anew without asking again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from explorer.index.writer import Writer, block_of
from grail.chain.subnet import Subnet
from grail.protocol.units import WindowId
from grail.runtime.reckon import budgets_of, reckon
from grail.settlement.payouts import Budgets, Share
from grail.settlement.reckoning import Reckoning
from grail.storage.chain_tables import COMMITMENTS, MOTIONS, PAYOUTS, READINGS, SEATS, SETTLEMENTS

WORDS, BUDGETS, QUORUM = "words", "budgets", "quorum"


def due(writer: Writer, subnet: Subnet, head: int) -> Iterator[tuple[str, str, int]]:
    """Readings (name, key, block as of which they hold) that can be taken now and were not."""
    known = {(row.name, row.key) for row in writer.connection.execute(select(READINGS.c.name, READINGS.c.key))}
    worked = writer.connection.execute(select(COMMITMENTS.c.window).distinct().order_by(COMMITMENTS.c.window))
    for (window,) in worked.all():
        revealed = subnet.schedule.reveal_deadline(WindowId(window))
        if head > revealed and (WORDS, str(window)) not in known:
            yield WORDS, str(window), revealed + 1
    for window, place in writer.connection.execute(select(SETTLEMENTS.c.window, SETTLEMENTS.c.place)).all():
        if (BUDGETS, str(window)) not in known:
            yield BUDGETS, str(window), block_of(place)
    for number, start in writer.connection.execute(select(MOTIONS.c.number, MOTIONS.c.start).distinct()).all():
        if head > start and (QUORUM, number) not in known:
            yield QUORUM, number, start + 1


def take(subnet: Subnet, name: str, key: str) -> Any:
    """Ask the contracts; None where there is nothing to read."""
    if name == QUORUM:
        governor = subnet.contracts["GrailGovernor"]
        return str(governor.call("quorum", governor.call("proposalSnapshot", int(key))))
    window = WindowId(int(key))
    found = reckon(subnet, window)
    if found is None:
        return None
    if name == WORDS:
        return {"root": "0x" + found.tree.root.hex(), "seats": _seats(found), "leaves": _leaves(found)}
    return {name: str(part) for name, part in asdict(budgets_of(subnet, window, found)).items()}


def _seats(found: Reckoning) -> list[list[Any]]:
    """Of each commitment, [holder, word] for each seat, in the order of the draw."""
    rows = []
    for index in range(len(found.commitments)):
        said = {holder: iter(found.said(index, holder)) for holder in found.holders(index)}
        rows.append([["0x" + who.hex(), int(next(said[who]))] for who in found.committee.holders(index)])
    return rows


def _leaves(found: Reckoning) -> list[list[Any]]:
    """[leaf number, account, share, worth, holds] of everybody who can be paid."""
    count = len(found.commitments)
    rows = [
        [index, "0x" + leaf.account.hex(), int(Share.MINER), leaf.value, leaf.holds]
        for index, leaf in enumerate(found.leaves[:count])
    ]
    holders = dict.fromkeys(place.holder for place in found.committee.line if place.stake)
    for holder in holders:
        index = found.leaf_of(holder, validator=True)
        if index is not None and found.leaves[index].value:
            rows.append([index, "0x" + holder.hex(), int(Share.VALIDATOR), found.leaves[index].value, 0])
    return rows


def derive(writer: Writer, name: str, key: str, block: int, value: Mapping[str, Any]) -> None:
    """Rows out of a reading."""
    if name == WORDS:
        for number, seats in enumerate(value["seats"]):
            for seat, (holder, word) in enumerate(seats):
                writer.add(
                    SEATS, window=int(key), number=number + 1, seat=seat, block=block, validator=holder, word=word
                )
    elif name == BUDGETS:
        where = [READINGS.c.name == WORDS, READINGS.c.key == key]
        words = writer.connection.scalar(select(READINGS.c.value).where(*where))
        if words is not None:
            derive_payouts(writer, key, block, value, words["leaves"])


def derive_payouts(writer: Writer, key: str, block: int, value: Mapping[str, Any], leaves: Sequence[Any]) -> None:
    """What each leaf is paid, out of a window's budgets."""
    budgets = Budgets(**{name: int(part) for name, part in value.items()})
    for leaf, account, share, worth, holds in leaves:
        amount = budgets.miner(worth) if share == Share.MINER else budgets.validator(worth)
        writer.add(
            PAYOUTS, window=int(key), leaf=leaf, block=block, account=account, share=share, worth=worth,
            holds=holds, amount=amount,
        )  # fmt: skip
