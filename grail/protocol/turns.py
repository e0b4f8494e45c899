"""Turns [C]: where the world's answers stand between sampled tokens, and what a leaf says of them.

A rollout's sampled tokens stand in one array, all turns one after the other. What the world answers is not sent: it
follows from problem and tokens. A *bridge* is such an answer with what the checkpoint's rules put around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest


@dataclass(frozen=True, slots=True)
class Bridge:
    """Ids, int32 (k,), that stand in the transcript behind the first `after` sampled tokens."""

    after: int
    ids: NDArray[np.int32]


def observations_hash(bridges: Sequence[Bridge]) -> Digest:
    """keccak-256 over all bridges in their order: the number of ids as uint32, the ids as int32, little-endian."""
    return keccak256(b"".join(len(b.ids).to_bytes(4, "little") + b.ids.astype("<i4").tobytes() for b in bridges))


NOTHING_OBSERVED = observations_hash(())
"""Of a rollout of one turn."""


def observed_tokens(bridges: Sequence[Bridge]) -> int:
    """Ids of all bridges together."""
    return sum(len(bridge.ids) for bridge in bridges)


def transcript(tokens: NDArray[np.int32], bridges: Sequence[Bridge]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """All ids behind the prompt, int32 (n + observed,), and where in them each sampled token stands, int64 (n,)."""
    places = np.arange(len(tokens), dtype=np.int64)
    for bridge in bridges:
        places[bridge.after :] += len(bridge.ids)
    ids = np.empty(len(tokens) + observed_tokens(bridges), np.int32)
    sampled = np.zeros(len(ids), bool)
    sampled[places] = True
    ids[sampled] = tokens
    if bridges:
        ids[~sampled] = np.concatenate([bridge.ids for bridge in bridges])
    return ids, places
