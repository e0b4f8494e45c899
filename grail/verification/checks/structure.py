"""Check 1, structure: decodes, sizes and ranges, root, ids in the vocabulary.

What was committed and is not a submission is a fault: else rubbish would count as delivered.
"""

from grail.checkpoints.files import Checkpoint
from grail.errors import BadSubmission
from grail.protocol.codec import decode
from grail.protocol.records import FaultKind
from grail.protocol.submission import Submission
from grail.verification.base import AuditContext, Finding, Outcome

NAME = "structure"


class StructureCheck:
    """A fault that a jury can recompute is what is not a submission. Sets `context.submission`."""

    name = NAME

    def run(self, context: AuditContext) -> Finding:
        """Decode, compare with the commitment, then every rollout's shape."""
        try:
            submission = decode(context.blob, context.limits)
        except BadSubmission as error:
            return _fault(str(error))
        commitment = context.commitment
        claimed = (submission.window, submission.miner, submission.checkpoint_version)
        committed = (commitment.window, commitment.miner, commitment.checkpoint_version)
        if claimed != committed:
            return _fault(f"expected (window, miner, version) as committed, got {claimed}")
        problem = shape_problem(submission, context.checkpoint)
        if problem is not None:
            return _fault(problem[1], problem[0])
        if submission.tree.root != commitment.root:
            return _fault(f"expected the committed root {commitment.root.hex()}, got {submission.tree.root.hex()}")
        if submission.tree.total != commitment.worth:
            return Finding(
                check=NAME,
                outcome=Outcome.FAULT,
                reason=f"expected a worth of {submission.tree.total} as committed, got {commitment.worth}",
                fault=FaultKind.DERIVATION,
            )
        context.submission = submission
        return Finding(check=NAME, outcome=Outcome.ACCEPT, reason="well formed")


def shape_problem(submission: Submission, checkpoint: Checkpoint) -> tuple[tuple[int, int], str] | None:
    """The first place whose tokens are none of the model's, and why. Shapes came checked by the codec."""
    for group, index in submission.places():
        rollout = submission.groups[group].rollouts[index]
        if int(rollout.tokens.max()) >= checkpoint.vocab_size:
            return (group, index), f"expected ids below {checkpoint.vocab_size}, got {int(rollout.tokens.max())}"
    return None


def _fault(reason: str, place: tuple[int, int] | None = None) -> Finding:
    return Finding(check=NAME, outcome=Outcome.FAULT, reason=reason, fault=FaultKind.STRUCTURE, place=place)
