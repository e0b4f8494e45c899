"""Bytes ↔ proof of audit [C]: what a validator shows of the states that it has replayed (spec section 9).

Header, then the sketches of the dealt places, in the order of the deal. How many rows a place has follows from the work
itself, so a proof has one length that can be valid, and is read only at that length.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from grail.errors import BadInput
from grail.protocol.constants import PROOF_MAGIC, PROOF_VERSION
from grail.protocol.units import Address, WindowId

_HEADER = struct.Struct("<4sHQ20s20s")  # magic, version, window, validator, miner


@dataclass(frozen=True, slots=True)
class ProofName:
    """Whose audit of whose work."""

    window: WindowId
    validator: Address
    miner: Address

    def header(self) -> bytes:
        """The first bytes of the proof."""
        return _HEADER.pack(PROOF_MAGIC, PROOF_VERSION, self.window, self.validator, self.miner)


def proof_bytes(numbers: int) -> int:
    """Length of a proof of that many float16."""
    return _HEADER.size + 2 * numbers


def encode_proof(name: ProofName, shown: Sequence[NDArray[np.float16]]) -> bytes:
    """`shown`: float16 (rows, m) of each place, under the validator's own projection."""
    return name.header() + b"".join(sketch.astype("<f2").tobytes() for sketch in shown)


def decode_proof(data: bytes, name: ProofName, rows: Sequence[int], dim: int) -> list[NDArray[np.float16]]:
    """The sketches of places with so many rows each. Raises BadInput on anything else than a proof of them."""
    expected = proof_bytes(dim * sum(rows))
    if len(data) != expected or not data.startswith(name.header()):
        raise BadInput(f"expected a proof of {sum(rows)} sketched states ({expected} bytes), got {len(data)} bytes")
    numbers = np.frombuffer(data, dtype="<f2", offset=_HEADER.size).astype(np.float16).reshape(-1, dim)
    if not np.isfinite(numbers).all():
        raise BadInput("expected finite numbers in a proof of audit")
    return np.split(numbers, list(accumulate(rows))[:-1])
