"""What a neuron's operator should know in time: from the chain alone, so that any machine can tell."""

from collections.abc import Iterator
from dataclasses import dataclass

from grail.chain.subnet import Subnet
from grail.protocol.records import Ballot, Case, CaseState, Role
from grail.protocol.units import Address, WindowId
from grail.runtime.reckon import committee_of, reckon, records_of
from grail.settlement.leaves import UNJUDGED

KINDS = ("jailed", "inactive", "unseated", "seat", "sheet", "vote", "accused", "contested", "rejected", "pledge")
"""jailed, inactive: it cannot work. unseated: no place in the active set. seat, sheet: work that is about to be missed.
vote: a jury waits for it. accused, contested: a case against it. rejected: pay that is held. pledge: pay in part.
"""
RECENT = 3
"""Windows before this one whose rejections are told."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One of `KINDS`; `about` names the window or case, and stays the same while the rest changes. `blocks_left`: until
    it is too late; None where no deadline stands."""

    kind: str
    about: str
    text: str
    blocks_left: int | None = None


def concerns_of(subnet: Subnet, neuron: Address) -> list[Concern]:
    """Everything that its operator may want to do something about now."""
    record = subnet.neuron(neuron)
    window = subnet.current_window()
    if record.role is Role.NONE or window is None:
        return []
    found: list[Concern] = []
    if record.jailed:
        found.append(Concern("jailed", "", "in jail: only a vote of token holders lets it work again"))
    elif not subnet.is_active(neuron, record.role):
        found.append(Concern("inactive", "", "its own stake is below the role's minimum: it may not work"))
    found += _cases(subnet, neuron)
    if record.role is Role.VALIDATOR:
        found += _validator(subnet, neuron, window)
    if record.role is Role.MINER:
        found += _miner(subnet, neuron, window)
    return found


def still_due(subnet: Subnet, validator: Address, left: WindowId) -> list[str]:
    """What a validator that has left the active set in window `left` must stay for, in words."""
    window, head = subnet.current_window() or WindowId(0), subnet.chain.head().number
    found = [concern.text for concern in concerns_of(subnet, validator)]
    if window <= left:
        blocks = subnet.schedule.start(WindowId(left + 1)) - head
        found.append(f"window {left}, in which it has its seats, ends in {blocks} blocks")
    for case in subnet.cases():
        drawn = head > case.draw_block
        if case.state is not CaseState.CLOSED and (not drawn or subnet.has_weight(case, validator)):
            found.append(f"case {case.number} is open, and it {'has' if drawn else 'may get'} a say in it")
    return found


def _cases(subnet: Subnet, neuron: Address) -> Iterator[Concern]:
    clock = subnet.clock()
    for case in subnet.cases():
        if case.state is CaseState.CLOSED:
            continue
        left = (case.reveal_end if case.state is not CaseState.RULED else case.commit_end) - clock
        kind = case.kind.name.lower() if case.kind else "rejection"
        about, ruling = f"case {case.number}", f", ruled {case.ruling.name.lower()}" if case.ruling else ""
        where = f"case {case.number}, window {case.window}{ruling}"
        if case.accused == neuron and not case.contest:
            yield Concern("accused", about, f"accused of {kind}: {where}", left)
        if case.accuser == neuron and case.contest:
            yield Concern("contested", about, f"its rejection of 0x{case.accused.hex()} is contested: {where}", left)
        if case.state in (CaseState.VOTING, CaseState.APPEALED):
            yield from _vote(subnet, neuron, case)


def _vote(subnet: Subnet, neuron: Address, case: Case) -> Iterator[Concern]:
    number, clock = case.number, subnet.clock()
    if subnet.chain.head().number <= case.draw_block or not subnet.has_weight(case, neuron):
        return
    commitment, said = subnet.vote_of(number, case.round, neuron)
    if commitment is None and clock <= case.commit_end:
        yield Concern("vote", f"case {number}", f"a juror in case {number}: not voted yet", case.commit_end - clock)
    elif commitment is not None and said is Ballot.NONE and case.commit_end < clock <= case.reveal_end:
        yield Concern("vote", f"case {number}", f"a juror in case {number}: vote not opened", case.reveal_end - clock)


def _validator(subnet: Subnet, neuron: Address, window: WindowId) -> Iterator[Concern]:
    head, schedule = subnet.chain.head().number, subnet.schedule
    if not subnet.is_seated(neuron) and not subnet.rest_of(neuron).taken:
        yield Concern("unseated", "", "no place in the active set: larger validators hold them all")
    committee = committee_of(subnet, window)
    if committee is None:
        return
    count = len(subnet.commitments(window))
    seats = sum(len(committee.seats_of(index, neuron)) for index in range(count))
    shown = any(reveal.validator == neuron for reveal in subnet.reveals(window))
    if not seats or shown:
        return
    about = f"window {window}"
    if subnet.score_commitment(window, neuron) is None:
        if head < schedule.score_deadline(window):
            left = schedule.score_deadline(window) - head
            yield Concern("seat", about, f"{seats} seats of window {window}: no sheet committed yet", left)
    elif schedule.score_deadline(window) < head < schedule.reveal_deadline(window):
        left = schedule.reveal_deadline(window) - head
        yield Concern("sheet", about, f"the sheet of window {window} is committed and not shown yet", left)


def _miner(subnet: Subnet, neuron: Address, window: WindowId) -> Iterator[Concern]:
    for number in range(max(0, window - RECENT), window):
        entry = subnet.commitment(WindowId(number), neuron)
        found = reckon(subnet, WindowId(number)) if entry is not None else None
        if entry is None or found is None or subnet.is_convicted(WindowId(number), neuron):
            continue
        holds = found.holds([c.miner for c in found.commitments].index(neuron)) or 0
        if holds > subnet.overturned(WindowId(number), neuron):
            why = "judged by nobody" if holds == UNJUDGED else f"rejected by {holds}"
            yield Concern(
                "rejected", f"window {number}", f"{why} in window {number}: pay is held until a jury has spoken"
            )
    record = records_of(subnet, window, [neuron])[neuron]
    if not record.pledged:
        yield Concern("pledge", "none", "no pledge is in force: what it delivers counts, and is not paid yet")
    elif record.delivered < record.promised:
        text = f"delivered {record.delivered} of {record.promised} groups promised: pay is in proportion"
        yield Concern("pledge", f"window {window}", text)
