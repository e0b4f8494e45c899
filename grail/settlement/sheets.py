"""What a validator says of its seats [C]: two bits for each, in the order of commitments and seats. Twin of Sheets.sol.

In pages of `PAGE` commitments: two bytes with the number of the page's entries, then the entries, the first in the
lowest bits. Every string of bytes is a sheet: what it does not say is silence.
"""

from collections.abc import Sequence
from enum import IntEnum

PAGE = 64
"""Commitments of a page: bounds what one step of a refutation has to draw again."""
MAX_SHEET_BYTES = 24_576


class Entry(IntEnum):
    """A validator's word on one seat."""

    SILENT = 0
    ACCEPT = 1
    REJECT = 2
    ABSTAIN = 3


WITHHELD = "availability"
"""The check that a blob which cannot be fetched fails."""
_WORDS = {"accept": Entry.ACCEPT, "reject": Entry.REJECT, "fault": Entry.REJECT, "abstain": Entry.ABSTAIN}


def entry_for(outcome: str, check: str, *, shown: bool) -> Entry:
    """What a sheet says of an audit by its outcome and the check that spoke.

    A blob that could not be fetched is an abstention: others may have, and a jury judges who withholds. So is an accept
    whose proof is not `shown`.
    """
    word = _WORDS[outcome]
    return Entry.ABSTAIN if check == WITHHELD or (word is Entry.ACCEPT and not shown) else word


def encode_sheet(pages: Sequence[Sequence[Entry]]) -> bytes:
    """The canonical bytes of one validator's entries, page by page; at most 65,535 entries a page."""
    parts = []
    for entries in pages:
        packed = bytearray((len(entries) + 3) // 4)
        for rank, entry in enumerate(entries):
            packed[rank // 4] |= entry << 2 * (rank % 4)
        parts.append(len(entries).to_bytes(2, "big") + bytes(packed))
    return b"".join(parts)


def entry_of(sheet: bytes, page: int, rank: int) -> Entry:
    """Entry number `rank` of a page; SILENT where a sheet ends before it."""
    at = count = 0
    for number in range(page + 1):
        if at + 2 > len(sheet):
            return Entry.SILENT
        count = int.from_bytes(sheet[at : at + 2], "big")
        at += 2
        if number < page:
            at += (count + 3) // 4
    place = at + rank // 4
    if rank >= count or place >= len(sheet):
        return Entry.SILENT
    return Entry(sheet[place] >> 2 * (rank % 4) & 3)
