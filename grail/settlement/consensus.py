"""Consensus [C]: stake-weighted median, clipping, validator trust. Twin of Consensus.sol; integers only.

Source: Yuma consensus (Opentensor), reduced to one epoch; kappa is governed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grail.protocol.constants import BPS
from grail.protocol.units import Address, Wei
from grail.settlement.scores import ScoreSheet


def weighted_median(stakes: Sequence[int], scores: Sequence[int], kappa_bps: int) -> int:
    """Largest score w among `scores` such that validators scoring >= w hold at least kappa of the scoring stake."""
    total = sum(stakes)
    best = 0
    if total == 0:
        return best
    for candidate in scores:
        support = sum(stake for stake, score in zip(stakes, scores, strict=True) if score >= candidate)
        if candidate > best and support * BPS >= kappa_bps * total:
            best = candidate
    return best


@dataclass(frozen=True, slots=True)
class Consensus:
    """Outcome of one window. `scores`: consensus score per miner. `weights`: pay weight per validator, in wei of
    stake times the share of its sheet that agrees with the consensus, rounded down."""

    scores: Mapping[Address, int]
    weights: Mapping[Address, int]


def consensus(sheets: Sequence[ScoreSheet], stakes: Mapping[Address, Wei], kappa_bps: int) -> Consensus:
    """Settle the scores of all revealed sheets.

    A miner's median counts only validators that scored it (an abstention carries no weight for the miner), provided
    that they hold at least kappa of all revealed stake: else a few could pay whom nobody else has heard of. A
    validator's weight is measured against all consensus scores, so abstaining costs the validator.
    """
    revealed = sum(stakes[sheet.validator] for sheet in sheets)
    miners = sorted({miner for sheet in sheets for miner in sheet.scores})
    settled = {}
    for miner in miners:
        scoring = [sheet for sheet in sheets if miner in sheet.scores]
        if sum(stakes[sheet.validator] for sheet in scoring) * BPS < kappa_bps * revealed:
            settled[miner] = 0
            continue
        settled[miner] = weighted_median(
            [stakes[sheet.validator] for sheet in scoring], [sheet.scores[miner] for sheet in scoring], kappa_bps
        )
    weights = {sheet.validator: _weight(sheet, stakes[sheet.validator], settled) for sheet in sheets}
    return Consensus(settled, weights)


def _weight(sheet: ScoreSheet, stake: int, settled: Mapping[Address, int]) -> int:
    """stake * agreed // larger, where agreed = sum of min(own, consensus) and larger = max of the two sums."""
    own = sum(sheet.scores.values())
    whole = max(own, sum(settled.values()))
    if whole == 0:
        return stake
    agreed = sum(min(sheet.scores.get(miner, 0), score) for miner, score in settled.items())
    return stake * agreed // whole
