"""One reason in words for what a neuron got, or did not get, from a window."""

from typing import Any

from sqlalchemy import select

from explorer.index.writer import block_of
from explorer.views.base import FAULTS, ROLES, WORDS, Look, NotThere, Row
from explorer.views.claims import claims_about
from grail.protocol.units import WindowId
from grail.settlement.leaves import UNJUDGED
from grail.settlement.payouts import Share
from grail.storage import chain_tables as t


def why(look: Look, neuron: str, window: int) -> Row:
    """`code`: the reason's name; `words`: the reason; `facts`: what it rests on; `claims`: what those who judged say of
    why. Raises NotThere for strangers and for windows that have not begun.
    """
    found = reason(look, neuron, window)
    number = look.connection.scalar(
        select(t.COMMITMENTS.c.number).where(t.COMMITMENTS.c.window == window, t.COMMITMENTS.c.miner == neuron)
    )
    return {**found, "claims": [] if number is None else claims_about(look, window, neuron, number)}


def reason(look: Look, neuron: str, window: int) -> Row:
    """The same without `claims`: what validators say of why."""
    if neuron not in look.neurons:
        raise NotThere(f"no neuron {neuron} is registered")
    if look.window is None or not 0 <= window <= look.window:
        raise NotThere(f"window {window} has not begun")
    role = ROLES[look.neurons[neuron]["role"]]
    code, words, facts = {"miner": _miner, "validator": _validator, "trainer": _trainer}[role](look, neuron, window)
    found = {"neuron": neuron, "window": window, "role": role, "code": code, "words": words, "facts": facts}
    convicted = look.facts(t.CONVICTIONS, t.CONVICTIONS.c.window == window, t.CONVICTIONS.c.accused == neuron)
    if convicted:
        kind = FAULTS[convicted[0]["kind"]]
        found |= {"code": "convicted", "words": f"convicted of {kind}: unpaid, and slashed"}
        found["facts"] = [*facts, {"what": "slashed", "wei": sum(row["slashed"] for row in convicted)}]
    return found


Reason = tuple[str, str, list[Row]]


def _phase(look: Look, window: int) -> str | None:
    """What a window still waits for; None once its sheets are revealed."""
    schedule = look.schedule
    for name, deadline in (
        ("commitments", schedule.commit_deadline), ("audits", schedule.score_deadline),
        ("reveals", schedule.reveal_deadline),
    ):  # fmt: skip
        if look.block <= deadline(WindowId(window)):
            return name
    return None


def _miner(look: Look, neuron: str, window: int) -> Reason:
    where = [t.COMMITMENTS.c.window == window, t.COMMITMENTS.c.miner == neuron]
    found, phase = look.facts(t.COMMITMENTS, *where), _phase(look, window)
    if not found:
        if phase == "commitments":
            return "open", "has not committed yet; the window still takes commitments", []
        if look.begins(window) < _registered(look, neuron):
            return "not registered", "joined after this window had begun", []
        return "not committed", "committed nothing before the deadline: nothing to pay", []
    entry = found[0]
    facts: list[Row] = [{"what": "groups", "count": entry["groups"]}, {"what": "worth", "count": entry["worth"]}]
    if phase is not None:
        return "waiting", f"committed {entry['groups']} groups; the window waits for {phase}", facts
    seats = _seats(look, t.SEATS.c.window == window, t.SEATS.c.number == entry["number"])
    if not seats:
        return "not sealed", "nobody sealed the window: no seats were drawn, and nothing is paid", facts
    counts = {word: seats.count(index) for index, word in enumerate(WORDS)}
    facts += [{"what": f"seats that {word}", "count": count} for word, count in counts.items() if count]
    paid = _payout(look, neuron, window, Share.MINER)
    return _judged(look, entry, counts, paid, facts)


def _judged(look: Look, entry: Row, counts: dict[str, int], paid: Row | None, facts: list[Row]) -> Reason:
    whole = sum(counts.values())
    where = [t.OVERTURNS.c.window == entry["window"], t.OVERTURNS.c.miner == entry["miner"]]
    overturned = look.count(t.OVERTURNS, *where)
    if not counts["accept"] and not counts["reject"] and 2 * counts["abstain"] > whole:
        return "abstained", f"{counts['abstain']} of {whole} seats abstain, none answers: nothing is payable", facts
    if paid is None:
        stated = look.count(t.STATEMENTS, t.STATEMENTS.c.window == entry["window"])
        if stated:
            return "settling", "judged; what the window pays is stated and not final yet", facts
        return "not settled", "nobody has stated what the window pays", facts
    facts.append({"what": "pays", "wei": paid["amount"]})
    if paid["holds"] == UNJUDGED and not paid["claimed"]:
        return "unjudged", "no seat answered: its pay is held until a jury has spoken", facts
    if paid["holds"] and overturned < paid["holds"]:
        said = f"rejected by {counts['reject']} of {whole} seats"
        return "rejected", f"{said}: its pay is held until a jury overturns them", facts
    if not paid["amount"]:
        return "below its pledge", "delivered less than it had pledged, window after window: nothing is paid", facts
    part = f", {100 * paid['worth'] / entry['worth']:.0f} % of its worth for what it had pledged" * (
        paid["worth"] < entry["worth"]
    )
    words = {True: "paid", False: "accepted, and not claimed yet", None: "accepted, and expired unclaimed"}
    return "paid" if paid["claimed"] else "payable", words[paid["claimed"]] + part, facts


def _validator(look: Look, neuron: str, window: int) -> Reason:
    phase = _phase(look, window)
    sheet = look.facts(t.SHEETS, t.SHEETS.c.window == window, t.SHEETS.c.validator == neuron)
    committed = look.count(
        t.SHEET_COMMITMENTS, t.SHEET_COMMITMENTS.c.window == window, t.SHEET_COMMITMENTS.c.validator == neuron
    )
    if phase is not None and not sheet:
        said = "its sheet is committed" if committed else "has committed no sheet yet"
        return "waiting", f"{said}; the window waits for {phase}", []
    seats = _seats(look, t.SEATS.c.window == window, t.SEATS.c.validator == neuron)
    facts: list[Row] = [{"what": "seats", "count": len(seats)}]
    if not seats:
        worked = look.count(t.COMMITMENTS, t.COMMITMENTS.c.window == window)
        if not worked:
            return "no work", "nobody committed work in this window: there was nothing to audit", facts
        return "no seat", "held no seat: it was not in the active set, or the draw passed it over", facts
    counts = {word: seats.count(index) for index, word in enumerate(WORDS)}
    facts += [{"what": f"seats that {word}", "count": count} for word, count in counts.items() if count]
    if not sheet:
        if committed:
            return "not revealed", "committed a sheet and never revealed it: all its seats count as silent", facts
        return "no sheet", "committed no sheet: all its seats count as silent", facts
    answered = counts["accept"] + counts["reject"]
    paid = _payout(look, neuron, window, Share.VALIDATOR)
    if not answered:
        return "abstained", f"answered none of its {len(seats)} seats: unpaid", facts
    words = f"answered {answered} of its {len(seats)} seats"
    if paid is None:
        return "settling", f"{words}; the window is not settled", facts
    facts.append({"what": "pays", "wei": paid["amount"]})
    state = {True: "paid", False: "not claimed yet", None: "expired unclaimed"}[paid["claimed"]]
    return "paid" if paid["claimed"] else "payable", f"{words}; {state}", facts


def _trainer(look: Look, neuron: str, window: int) -> Reason:
    active = look.facts(t.CHECKPOINTS, t.CHECKPOINTS.c.active_from <= window, limit=1)
    if not active:
        return "no version", "no checkpoint was active in this window", []
    facts: list[Row] = [{"what": "version", "count": active[0]["version"]}]
    if active[0]["publisher"] != neuron:
        return "not its version", "another trainer's checkpoint was active", facts
    settled = look.count(t.SETTLEMENTS, t.SETTLEMENTS.c.window == window)
    where = [t.CLAIMS.c.window == window, t.CLAIMS.c.share == int(Share.TRAINER)]
    claims = look.facts(t.CLAIMS, *where)
    if claims:
        return "paid", "its checkpoint was active: paid", [*facts, {"what": "pays", "wei": claims[0]["amount"]}]
    if settled:
        return "payable", "its checkpoint was active; not claimed yet", facts
    return "settling", "its checkpoint is active; the window is not settled", facts


def _seats(look: Look, *where: Any) -> list[int]:
    return list(look.connection.scalars(select(t.SEATS.c.word).where(*where)))


def _payout(look: Look, account: str, window: int, share: Share) -> Row | None:
    """What the settlement says an account is due; `claimed` None where it expired. None while it is not settled."""
    where = [t.PAYOUTS.c.window == window, t.PAYOUTS.c.account == account, t.PAYOUTS.c.share == int(share)]
    found = look.connection.execute(select(t.PAYOUTS).where(*where)).mappings().first()
    if found is None:
        return None
    taken = [t.CLAIMS.c.window == window, t.CLAIMS.c.account == account, t.CLAIMS.c.share == int(share)]
    claims = look.facts(t.CLAIMS, *taken)
    return {**found, "claimed": (None if claims[0]["expired"] else True) if claims else False}


def _registered(look: Look, neuron: str) -> int:
    """The block in which it joined."""
    first = select(t.NEURONS.c.since).where(t.NEURONS.c.neuron == neuron, t.NEURONS.c.role > 0)
    return block_of(int(look.connection.scalar(first.order_by(t.NEURONS.c.since).limit(1)) or 0))
