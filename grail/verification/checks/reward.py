"""Check 5, reward: grade the opened rollouts again; the reward must be equal. Those of several turns were graded with
their dialogue."""

from grail.protocol.records import FaultKind
from grail.verification.base import AuditContext, Finding, Outcome

NAME = "reward"


class RewardCheck:
    """A claimed reward that the environment does not give is a fault, where every machine gives the same."""

    name = NAME

    def run(self, context: AuditContext) -> Finding:
        """Grade every opened rollout."""
        for group, index in context.opened:
            if (group, index) in context.plays:
                continue
            rollout = context.work.groups[group].rollouts[index]
            grade = context.mandates.dialogue(group).play(rollout.tokens).grade
            if grade.certain and grade.reward_micro != rollout.reward_micro:
                reason = f"expected reward {grade.reward_micro} ({grade.reason}), got {rollout.reward_micro}"
                return Finding(
                    check=NAME, outcome=Outcome.FAULT, reason=reason, fault=FaultKind.REWARD, place=(group, index)
                )
        return Finding(check=NAME, outcome=Outcome.ACCEPT, reason="as graded")
