"""What accusations have in common, of work and of audits: when to wait for another's, and what to show."""

from collections.abc import Iterable

from grail.errors import StorageError
from grail.protocol.constants import MAX_BLOB_BYTES
from grail.protocol.records import CaseState
from grail.protocol.units import Address, Digest, WindowId
from grail.runtime.node import Node

NOTHING_TO_DO = ("AlreadyAccused", "AlreadyConvicted", "TooLate", "Paused")
"""Reverts after which an accusation needs no second try."""
LATE = 3
"""Quarters of the horizon after which nobody else's case is waited for."""


def must_wait(node: Node, window: WindowId, accused: Address) -> bool:
    """Is somebody else's accusation of the same work open?

    But whoever accuses, loses and appeals may hold a case open until it is too late for others: so none is waited for
    in the last quarter of the horizon.
    """
    mine = (window, accused, False)
    cases = [case for case in node.subnet.cases() if (case.window, case.accused, case.contest) == mine]
    return quarters_passed(node, window) < LATE and any(case.state is not CaseState.CLOSED for case in cases)


def keep_public(node: Node, digests: Iterable[Digest]) -> None:
    """Put objects where others can read them, whatever the accused does now. What was read lies in the own store, so
    without relays it is there already.
    """
    if not node.relays:
        return
    for digest in digests:
        if not node.store.exists(digest):
            continue
        try:
            node.published.put(node.store.get(digest, MAX_BLOB_BYTES))
        except StorageError as error:
            node.log.warning("evidence is not public", object=digest.hex(), reason=str(error))


def quarters_passed(node: Node, window: WindowId) -> int:
    """Whole quarters of the time in which a window can be accused that are over; pauses only make it longer."""
    subnet = node.subnet
    over = subnet.chain.head().number - subnet.schedule.start(WindowId(window + 1))
    return max(0, 4 * over // subnet.policy(window).accusation_horizon_blocks)
