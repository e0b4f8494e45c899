"""The known-alternative test: where the registered model and another one disagree, whom did the miner follow?

A cheat that generates with something close to the model, and has the model write logprobs and sketch afterwards, leaves
nothing but a few odd tokens, about as many as honest noise does. But the validator knows what such a cheat would run:
the same weights in eight bits, or the version before. It replays the tokens by that, too. A token that exactly one of
the two mandates is a vote: an honest miner follows the registered model more often than the other; the cheat follows
the other nearly always. Votes are rare and telling, one of fifty tokens in bf16.

Which alternative a validator asks after in a window is drawn from the challenge: no miner knows it, a juror can repeat
it, and an audit costs one replay more, not three.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grail.inference.approximations import APPROXIMATIONS
from grail.inference.base import Engine, ReplayTrace
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.keys import audit_key
from grail.protocol.units import Address, Digest

PREVIOUS = "previous"
"""The checkpoint that this one was made from."""
ALTERNATIVES = (*APPROXIMATIONS, PREVIOUS)
UNDECIDED = 0.5
"""Share of votes for the other model that honest noise can never pass: there, both are equally far from the miner."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another model to ask after, by the name of its evidence process."""

    name: str
    engine: Engine


def drawn_alternative(challenge_w: Digest, validator: Address, has_parent: bool) -> str:
    """The alternative that `validator` asks after in this window; `previous` only where there is a version before."""
    names = ALTERNATIVES if has_parent else tuple(APPROXIMATIONS)
    return Draws(keccak256(audit_key(challenge_w, validator) + b"alternative")).choice(names)


def votes(registered: ReplayTrace, other: ReplayTrace) -> NDArray[np.float64]:
    """1 for each token that only the other model mandates, 0 for each that only the registered one does."""
    follows, strays = registered.margins == 0, other.margins == 0
    return strays[follows != strays].astype(np.float64)
