"""Published tests of the same question, implemented from their papers: is this rollout of that model?

Each scheme gives one score for a rollout, larger for less alike, and where its authors name thresholds, a score above 1
is what they reject. Sources: TOPLOC, arXiv:2501.16007; the log-bucket sketch of GRAIL on Bittensor (protocol document);
Token-DiFR and Activation-DiFR, arXiv:2511.20621.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

CHUNK, TOP = 32, 128
EXPONENT_MISMATCHES, MANTISSA_MEAN, MANTISSA_MEDIAN = 38, 10, 8
BUCKETS, LARGEST_BUCKET, COEFFICIENT, BUCKET_TOP = 0.8, 7, 127, 16
TOLERANCE, TOLERANCE_GROWTH, POSITIONS = 6_000, 5.0, 32
DIRECTIONS = 8


@dataclass(frozen=True)
class Seen:
    """One rollout as miner and validator saw it.

    claimed, replayed: last hidden states float32 (n, hidden) of either side. margins: float32 (n,), nats, post-Gumbel.
    """

    claimed: NDArray[np.float32]
    replayed: NDArray[np.float32]
    margins: NDArray[np.float32]


@dataclass(frozen=True)
class Scheme:
    """A test. `published`: its authors' thresholds are built into the score, which rejects above 1."""

    name: str
    bytes_per_token: float
    published: bool
    score: Callable[[Seen], float]


def toploc(seen: Seen) -> float:
    """Worst chunk of 32 tokens, as a share of its nearest threshold.

    The validator looks at its own top 128 activations (in bf16); where the miner's proof holds another index, the
    polynomial gives noise, which counts as a mismatch of exponents.
    """
    worst = 0.0
    for start in range(0, len(seen.claimed), CHUNK):
        theirs, ours = (
            torch.from_numpy(states[start : start + CHUNK]).to(torch.bfloat16).flatten()
            for states in (seen.claimed, seen.replayed)
        )
        places = ours.float().abs().topk(TOP).indices
        proven = torch.zeros(len(theirs), dtype=torch.bool)
        proven[theirs.float().abs().topk(TOP).indices] = True
        bits = [states[places].view(torch.int16).int() & 0xFFFF for states in (theirs, ours)]
        alike = proven[places] & (bits[0] >> 7 == bits[1] >> 7)  # sign and exponent
        mismatches = TOP - int(alike.sum())
        if mismatches == TOP:
            return float("inf")
        mantissa = ((bits[0] & 0x7F) - (bits[1] & 0x7F)).abs()[alike].double()
        shares = (
            mismatches / EXPONENT_MISMATCHES,
            float(mantissa.mean()) / MANTISSA_MEAN,
            float(mantissa.median()) / MANTISSA_MEDIAN,
        )
        worst = max(worst, *shares)
    return worst


def log_bucket(seen: Seen) -> float:
    """Worst of 32 drawn positions: difference of the two sides' sketches as a share of the tolerance there."""
    count = len(seen.claimed)
    draws = np.random.default_rng(0)
    places = np.sort(draws.choice(count, min(POSITIONS, count), replace=False))
    coefficients = draws.integers(-COEFFICIENT, COEFFICIENT + 1, BUCKET_TOP)
    worst = 0.0
    for place in places:
        top = np.argsort(-np.abs(seen.claimed[place]), kind="stable")[:BUCKET_TOP]
        sketches = [
            float(
                coefficients @ (np.sign(x) * np.minimum((np.log2(np.abs(x) + 1) * BUCKETS).astype(int), LARGEST_BUCKET))
            )
            for x in (seen.claimed[place, top], seen.replayed[place, top])
        ]
        worst = max(worst, abs(sketches[0] - sketches[1]) / (TOLERANCE + TOLERANCE_GROWTH * np.sqrt(place)))
    return worst


def token_difr(clip: float) -> Callable[[Seen], float]:
    """Mean post-Gumbel margin, each clipped at `clip` nats (the authors take a high quantile of honest margins)."""

    def score(seen: Seen) -> float:
        return float(np.minimum(seen.margins, clip).mean())

    return score


def activation_difr(seen: Seen) -> float:
    """Mean distance of the two sides' states on 8 orthonormal directions."""
    size = seen.claimed.shape[1]
    directions = np.linalg.qr(np.random.default_rng(1).standard_normal((size, DIRECTIONS)))[0].astype(np.float32)
    return float(np.linalg.norm((seen.claimed - seen.replayed) @ directions, axis=1).mean())


def published_schemes(clip: float) -> list[Scheme]:
    """The four, with what each stores for a token."""
    return [
        Scheme("toploc", 2 * (TOP + 1) / CHUNK, True, toploc),
        Scheme("log-bucket", 2 * BUCKET_TOP + 4, True, log_bucket),
        Scheme("token-difr", 0.0, False, token_difr(clip)),
        Scheme("activation-difr", 2.0 * DIRECTIONS, False, activation_difr),
    ]
