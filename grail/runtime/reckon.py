"""A window's reckoning from the chain. Every role can check every payout."""

from collections.abc import Sequence

from grail.chain.subnet import Subnet
from grail.protocol.committee import Committee
from grail.protocol.pledges import Past, Record
from grail.protocol.units import Address, WindowId
from grail.settlement.payouts import Budgets, budgets
from grail.settlement.reckoning import Reckoning


def committee_of(subnet: Subnet, window: WindowId) -> Committee | None:
    """Who holds which seat; None while the window is not sealed."""
    challenge = subnet.challenge(window)
    if challenge is None:
        return None
    return Committee(challenge, subnet.active_line(window), subnet.policy(window).audit_seats)


def reckon(subnet: Subnet, window: WindowId) -> Reckoning | None:
    """What the window pays, once its reveals are over; None where nobody committed, or nobody sealed it.

    Remembered then: nothing on chain can change it any more.
    """
    if window in subnet.reckonings:
        return subnet.reckonings[window]
    committee, commitments = committee_of(subnet, window), subnet.commitments(window)
    if committee is None or not commitments:
        return None
    over = subnet.chain.head().number > subnet.schedule.reveal_deadline(window)
    found = Reckoning(
        window=window,
        commitments=commitments,
        committee=committee,
        sheets={reveal.validator: reveal.entries for reveal in subnet.reveals(window)},
        convicted=subnet.convicted_in_time(window),
        records=records_of(subnet, window, [entry.miner for entry in commitments]),
    )
    if over:
        subnet.reckonings[window] = found
    return found


def records_of(subnet: Subnet, window: WindowId, miners: Sequence[Address]) -> dict[Address, Record]:
    """What miners had pledged for a window, and what the last windows in which anybody worked say of them."""
    count = subnet.policy(window).reliability_windows
    past = [WindowId(number) for number in range(max(0, window - count), window)]
    worked = [({entry.miner: entry for entry in subnet.commitments(number)}, subnet.pledges(number)) for number in past]
    pledged = subnet.pledges(window)
    return {
        miner: Record(
            pledged.get(miner, 0),
            [Past(then.get(miner, 0), entries.get(miner)) for entries, then in worked if entries],
        )
        for miner in miners
    }


def budgets_of(subnet: Subnet, window: WindowId, found: Reckoning) -> Budgets:
    """The window's emission in parts, as its statements fixed it, else as they would now."""
    checkpoint = subnet.active_checkpoint(window) is not None
    return budgets(subnet.policy(window), subnet.emission(window), found.terms, trainer=checkpoint)
