"""Permits: a neuron's signed wish that a relay keeps one object for it.

A relay keeps objects by their hash and never replaces one, so a permit that is used twice, or at another relay of the
same network, stores what its signer has published anyway. It ends within the hour.
"""

import re
from dataclasses import dataclass

from grail.errors import BadInput
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address, Digest

LASTS_SECONDS = 600
LONGEST_SECONDS = 3_600
"""From the relay's clock: a permit that ends later is refused, so that none is kept for long."""
_HEADER = re.compile(r"Grail ([1-9][0-9]{0,11}):([0-9a-f]{130})")


@dataclass(frozen=True, slots=True)
class Permit:
    """What is signed. `registry`: the network's NeuronRegistry; `size`: bytes; `ends`: seconds since 1970."""

    chain_id: int
    registry: Address
    digest: Digest
    size: int
    ends: int

    def message(self) -> Digest:
        """keccak-256 of "grail/put/1", the chain's id (32 bytes), registry, digest, size and end (8 bytes each)."""
        numbers = self.size.to_bytes(8, "big") + self.ends.to_bytes(8, "big")
        return keccak256(b"grail/put/1" + self.chain_id.to_bytes(32, "big") + self.registry + self.digest + numbers)


def header(ends: int, signature: bytes) -> str:
    """The value of `Authorization`. `signature`: 65 bytes."""
    return f"Grail {ends}:{signature.hex()}"


def parsed(value: str) -> tuple[int, bytes]:
    """End and signature of a header. Raises BadInput."""
    found = _HEADER.fullmatch(value)
    if found is None:
        raise BadInput("expected Authorization: Grail ENDS:SIGNATURE, seconds since 1970 and 130 hex digits")
    return int(found[1]), bytes.fromhex(found[2])
