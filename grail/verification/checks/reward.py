"""Check 4, reward: grade the opened rollouts again; the reward must be equal."""

from grail.protocol.records import FaultKind
from grail.verification.base import AuditContext, Finding, Outcome

NAME = "reward"


class RewardCheck:
    """A claimed reward that the environment does not give is a fault, where every machine gives the same."""

    name = NAME

    def run(self, context: AuditContext) -> Finding:
        """Grade every opened rollout."""
        for group, index in context.opened:
            mandate = context.mandates.group(group)
            rollout = context.work.groups[group].rollouts[index]
            grade = mandate.environment.grade(mandate.problem, context.codec.decode(rollout.tokens))
            if grade.certain and grade.reward_micro != rollout.reward_micro:
                reason = f"expected reward {grade.reward_micro} ({grade.reason}), got {rollout.reward_micro}"
                return Finding(
                    check=NAME, outcome=Outcome.FAULT, reason=reason, fault=FaultKind.REWARD, place=(group, index)
                )
        return Finding(check=NAME, outcome=Outcome.ACCEPT, reason="as graded")
