"""What each event means, as rows. Pure functions of the event and of what held before: a rebuild gives the same rows.

Every event of every contract's ABI is here, or among those `UNTOLD` with the reason; a test compares.
"""

from collections.abc import Callable, Mapping
from typing import Any

from explorer.index.projections import justice, money, neurons, votes, work
from explorer.index.writer import Writer

Fields = Mapping[str, Any]
"""As they are stored: bytes in hex, large integers as decimal strings."""
Projection = Callable[[Writer, int, Fields], None]

PROJECTIONS: dict[tuple[str, str], Projection] = {
    **money.PROJECTIONS, **neurons.PROJECTIONS, **work.PROJECTIONS, **justice.PROJECTIONS, **votes.PROJECTIONS,
}  # fmt: skip
UNTOLD = {
    ("GrailToken", "Approval"): "an allowance moves nothing",
    ("ScoreBoard", "NodesNamed"): "a move of a duel: its end is what counts, its moves are in the list of events",
}
EVERYWHERE = ("OwnershipTransferStarted", "OwnershipTransferred", "Recovered", "EIP712DomainChanged")
"""Events of parts that many contracts share."""


def project(writer: Writer, place: int, contract: str, name: str, fields: Fields) -> None:
    """Write what an event means."""
    found = PROJECTIONS.get((contract, name))
    if found is not None:
        found(writer, place, fields)
    elif name in EVERYWHERE:
        votes.administration(contract, name)(writer, place, fields)
