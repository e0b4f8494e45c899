"""A juror's work: audit the accused submission along the accuser's draws, vote in secret, see cases to their end."""

from grail.errors import Contradiction, Reverted
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.records import AUDITS, Ballot, Case, CaseState, FaultKind
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.settlement.sheets import WITHHELD
from grail.verification.base import Outcome
from validator.duties.auditing import judge_history
from validator.duties.checking import judge_audit

SOMEBODY_WAS_FIRST = ("AlreadyResolved", "AlreadyVoted", "NotDecided", "VotingClosed", "TooEarly", "TooLate", "Paused")

HIDDEN = (FaultKind.WITHHELD, FaultKind.HIDDEN_AUDIT)
"""Accused of showing nothing."""
CONTESTED = {
    Outcome.FAULT: Ballot.GUILTY,
    Outcome.REJECT: Ballot.GUILTY,
    Outcome.ACCEPT: Ballot.INNOCENT,
    Outcome.ABSTAIN: Ballot.ABSTAIN,
}


class JuryService:
    """Not done once a window but at every tick: `run` never returns a note."""

    name = "jury"

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told: set[str] = set()

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """At any block of the newest window that has begun."""
        return schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        """Take the next step of every open case."""
        for case in self._node.subnet.cases():
            self._step(case)
        return None

    def _step(self, case: Case) -> None:
        if case.state is CaseState.CLOSED:
            return
        now = self._node.subnet.clock()
        try:
            if case.state in (CaseState.VOTING, CaseState.APPEALED):
                if now <= case.commit_end:
                    self._commit(case)
                elif now <= case.reveal_end:
                    self._reveal(case)
                elif case.state is CaseState.VOTING:
                    self._node.subnet.rule(self._node.signer, case.number)
                else:
                    self._node.subnet.execute_case(self._node.signer, case.number)
            elif case.state is CaseState.RULED:
                self._after_ruling(case, now)
        except Reverted as error:
            if error.error_name not in SOMEBODY_WAS_FIRST:
                raise
        except Contradiction as error:
            self._tell(case, str(error))

    def _tell(self, case: Case, reason: str) -> None:
        if self._memo(case) not in self._told:
            self._told.add(self._memo(case))
            self._node.log.error("does not vote", neuron=self._node.name, case=case.number, reason=reason)

    def _commit(self, case: Case) -> None:
        """Vote once: the opinion is journalled before it is sent, so that a restart can open it."""
        node, subnet = self._node, self._node.subnet
        if subnet.vote_of(case.number, case.round, node.address)[0] is not None or not self._weight(case):
            return
        drawn = subnet.drawn_by(case).hex()
        memo = node.journal.note(node.name, self._memo(case), case.window)
        if memo is None or memo["drawn"] != drawn:
            memo = {"ballot": int(self._opinion(case)), "drawn": drawn}
            node.journal.record(node.name, self._memo(case), case.window, memo)
        ballot = memo["ballot"]
        words = encode_static(case.number, case.round, node.address, ballot, self._salt(case))
        subnet.commit_vote(node.signer, case, keccak256(words))

    def _weight(self, case: Case) -> int:
        """Seats or stake in this round; 0 too while the draw cannot be made yet."""
        node, subnet = self._node, self._node.subnet
        try:
            return subnet.weight_in(case, node.address)
        except Reverted as error:
            if error.error_name != "NotDrawn":
                raise
        if subnet.chain.head().number < case.draw_block:
            return 0
        subnet.draw(node.signer, case.number)
        return subnet.weight_in(case, node.address)

    def _reveal(self, case: Case) -> None:
        node, subnet = self._node, self._node.subnet
        commitment, said = subnet.vote_of(case.number, case.round, node.address)
        memo = node.journal.note(node.name, self._memo(case), case.window)
        if commitment is not None and said is Ballot.NONE and memo is not None:
            subnet.reveal_vote(node.signer, case.number, Ballot(memo["ballot"]), self._salt(case))

    def _after_ruling(self, case: Case, now: int) -> None:
        """Execute what stands; appeal as the accuser when one's own audit says that the jury was wrong."""
        node, subnet = self._node, self._node.subnet
        if now > case.commit_end:
            subnet.execute_case(node.signer, case.number)
        elif case.accuser == node.address and case.ruling is Ballot.INNOCENT and self._found_fault(case):
            subnet.appeal(node.signer, case.number)

    def _opinion(self, case: Case) -> Ballot:
        """What this juror's own audit says; it abstains when it cannot tell. In a contest the question is whether this
        work is to be rejected.

        Accused of withholding, who shows the blob (an auditor its report and proof) late is not refuted: the accuser
        saw nothing. Then all abstain, unless what came to light is itself a fault. Accused of anything else, who takes
        the blob away is not acquitted: a juror that cannot read it abstains.
        """
        node = self._node
        commitment = node.subnet.commitment(case.window, case.miner)
        challenge = node.subnet.challenge(case.window)
        if commitment is None or challenge is None:
            return Ballot.ABSTAIN
        if case.contest and not node.takes_work(case.window):
            return Ballot.GUILTY  # a window that is nobody's: its seats were right to be silent
        if case.kind in AUDITS:
            verdict = judge_audit(node, commitment, case.accused, witnesses=(case.accuser,))
        else:
            verdict = judge_history(node, commitment, challenge, case.accuser)
        if case.contest:
            return CONTESTED[verdict.outcome]
        withheld, missing = case.kind in HIDDEN, verdict.finding.check == WITHHELD
        if verdict.outcome is Outcome.FAULT or (withheld and missing):
            return Ballot.GUILTY
        return Ballot.ABSTAIN if withheld or missing or verdict.outcome is Outcome.ABSTAIN else Ballot.INNOCENT

    def _found_fault(self, case: Case) -> bool:
        if case.kind in AUDITS:
            return True  # it accuses an audit of what it has found itself
        rows = self._node.journal.verdicts(case.window)
        enough = (Outcome.FAULT.value, Outcome.REJECT.value) if case.contest else (Outcome.FAULT.value,)
        mine = (self._node.signer.name, "0x" + case.accused.hex())
        return any((row.validator, row.miner) == mine and row.outcome in enough for row in rows)

    def _memo(self, case: Case) -> str:
        return f"vote {case.number} round {case.round}"

    def _salt(self, case: Case) -> Digest:
        """Hash of a deterministic signature: nobody else can guess it, and no crash loses it."""
        chain, jury = self._node.subnet.chain.chain_id, self._node.subnet.book.addresses["Jury"].hex()
        text = f"grail vote salt, chain {chain}, jury 0x{jury}, case {case.number}, round {case.round}"
        return keccak256(self._node.signer.secret(text))
