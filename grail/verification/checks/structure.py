"""Check 1, structure: decodes, sizes and ranges, root, ids in the vocabulary, ends in EOS or at max_tokens."""

import numpy as np

from grail.errors import BadSubmission
from grail.protocol.codec import decode
from grail.protocol.constants import FINISH_EOS
from grail.protocol.records import FaultKind
from grail.protocol.submission import Rollout, Submission
from grail.verification.base import AuditContext, Finding, Outcome

NAME = "structure"


class StructureCheck:
    """Rejects (unpaid) what is not a submission. Sets `context.submission`."""

    name = NAME

    def run(self, context: AuditContext) -> Finding:
        """Decode, compare with the commitment, then every rollout's shape."""
        try:
            submission = decode(context.blob, context.limits)
        except BadSubmission as error:
            return _rejected(str(error))
        commitment = context.commitment
        claimed = (submission.window, submission.miner, submission.checkpoint_version)
        committed = (commitment.window, commitment.miner, commitment.checkpoint_version)
        if claimed != committed:
            return _rejected(f"expected (window, miner, version) as committed, got {claimed}")
        for place in submission.places():
            problem = _shape_problem(_rollout(submission, place), context)
            if problem:
                return _rejected(problem, place)
        if submission.tree.root != commitment.root:
            return _rejected(f"expected the committed root {commitment.root.hex()}, got {submission.tree.root.hex()}")
        if submission.tree.total != commitment.worth:
            return Finding(
                check=NAME,
                outcome=Outcome.FAULT,
                reason=f"expected a worth of {submission.tree.total} as committed, got {commitment.worth}",
                fault=FaultKind.DERIVATION,
            )
        context.submission = submission
        return Finding(check=NAME, outcome=Outcome.ACCEPT, reason="well formed")


def _rollout(submission: Submission, place: tuple[int, int]) -> Rollout:
    return submission.groups[place[0]].rollouts[place[1]]


def _shape_problem(rollout: Rollout, context: AuditContext) -> str:
    """What is wrong with a rollout's tokens, empty when nothing is. Shape and finish code came checked by the codec."""
    if int(rollout.tokens.max()) >= context.checkpoint.vocab_size:
        return f"expected ids below {context.checkpoint.vocab_size}, got {int(rollout.tokens.max())}"
    eos = np.array(context.checkpoint.rules.eos_ids, dtype=np.int32)
    ends = (rollout.tokens[:, None] == eos).any(axis=1)
    if ends[:-1].any():
        return "expected the completion to end at its first EOS, but tokens follow it"
    if bool(ends[-1]) != (rollout.finish == FINISH_EOS):
        return "expected a completion that ends in EOS or at max_tokens, with the finish code to match"
    return ""


def _rejected(reason: str, place: tuple[int, int] | None = None) -> Finding:
    return Finding(check=NAME, outcome=Outcome.REJECT, reason=reason, place=place)
