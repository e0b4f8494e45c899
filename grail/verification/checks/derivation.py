"""Check 2, derivation: every group's environment and prompt are the ones that the beacon mandates."""

from grail.protocol.records import FaultKind
from grail.verification.base import AuditContext, Finding, Outcome

NAME = "derivation"


class DerivationCheck:
    """A wrong environment is an on-chain fault; a wrong prompt is one that a jury can recompute."""

    name = NAME

    def run(self, context: AuditContext) -> Finding:
        """Compare every group with its mandate."""
        for number, group in enumerate(context.work.groups):
            mandate = context.mandates.group(number)
            if group.env_id != mandate.env_id:
                reason = f"expected environment {mandate.environment.id}, got digest {group.env_id.hex()}"
                return _fault(reason, number, FaultKind.DERIVATION)
            if group.reward_milli != mandate.reward_milli:
                reason = f"expected tokens that earn {mandate.reward_milli} thousandths, got {group.reward_milli}"
                return _fault(reason, number, FaultKind.DERIVATION)
            if group.prompt_hash != mandate.prompt_hash:
                reason = f"expected the prompt {mandate.problem.prompt!r}, got another prompt's hash"
                return _fault(reason, number, FaultKind.STRUCTURE)
        return Finding(check=NAME, outcome=Outcome.ACCEPT, reason="as mandated")


def _fault(reason: str, group: int, kind: FaultKind) -> Finding:
    return Finding(check=NAME, outcome=Outcome.FAULT, reason=reason, fault=kind, place=(group, 0))
