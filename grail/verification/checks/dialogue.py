"""Check 3, dialogue: turns, end and observations of every rollout follow from its ids. On the CPU, before any replay.

In an environment of turns the whole dialogue is folded again, of all rollouts, the reward with it. What does not follow
is *rejected*: it is found with certainty, so that losing the pay deters enough, and a library that answers differently
on two honest machines costs nobody its stake. What needs no world to see, and a wrong reward of a dialogue that is
right, are faults.
"""

import numpy as np

from grail.environments.dialogue import BrokenDialogue, Dialogue
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH
from grail.protocol.records import FaultKind
from grail.protocol.submission import Rollout
from grail.protocol.turns import NOTHING_OBSERVED
from grail.verification.base import AuditContext, Finding, Outcome

NAME = "dialogue"


class DialogueCheck:
    """Sets `context.plays` of rollouts of several turns."""

    name = NAME

    def run(self, context: AuditContext) -> Finding:
        """Every rollout, in order."""
        for number, group in enumerate(context.work.groups):
            dialogue = context.mandates.dialogue(number)
            for index, rollout in enumerate(group.rollouts):
                if dialogue.world is not None:
                    finding = _folded(context, dialogue, rollout, (number, index))
                else:
                    finding = _single(dialogue, rollout, (number, index))
                if finding is not None:
                    return finding
        return Finding(check=NAME, outcome=Outcome.ACCEPT, reason="as they follow from the ids")


def _single(dialogue: Dialogue, rollout: Rollout, place: tuple[int, int]) -> Finding | None:
    """Of one turn: it ends at the first EOS or at the limit; nothing is graded yet."""
    lengths = dialogue.codec.lengths
    ends = np.isin(rollout.tokens, lengths.eos_ids)
    if ends[:-1].any():
        return _fault("expected the completion to end at its first EOS, but tokens follow it", place)
    finish = FINISH_EOS if ends[-1] else FINISH_LENGTH
    whole = bool(ends[-1]) or len(rollout.tokens) == lengths.rollout
    if not whole or rollout.finish != finish:
        return _fault("expected a completion that ends in EOS or at max_tokens, with the finish code to match", place)
    if (rollout.turns, rollout.observed, rollout.observations_hash) != (1, 0, NOTHING_OBSERVED):
        return _fault("expected one turn and no observations: its environment says nothing", place)
    return None


def _folded(context: AuditContext, dialogue: Dialogue, rollout: Rollout, place: tuple[int, int]) -> Finding | None:
    """Of several turns."""
    if dialogue.stops_within_a_turn(rollout.tokens):
        return _fault("expected a last turn that ends in EOS or at its limit", place)
    try:
        played = dialogue.play(rollout.tokens)
    except BrokenDialogue as error:
        return Finding(check=NAME, outcome=Outcome.REJECT, reason=str(error), place=place)
    wrong = played.differs_from(rollout)
    if wrong:
        return Finding(check=NAME, outcome=Outcome.REJECT, reason=wrong, place=place)
    grade = played.grade
    if grade.certain and grade.reward_micro != rollout.reward_micro:
        reason = f"expected reward {grade.reward_micro} ({grade.reason}), got {rollout.reward_micro}"
        return _fault(reason, place, FaultKind.REWARD)
    context.plays[place] = played
    return None


def _fault(reason: str, place: tuple[int, int], kind: FaultKind = FaultKind.STRUCTURE) -> Finding:
    return Finding(check=NAME, outcome=Outcome.FAULT, reason=reason, fault=kind, place=place)
