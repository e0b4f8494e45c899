"""Justice: proofs on chain, accusations before the jury."""

from collections.abc import Sequence

from grail.chain.accounts import Signer
from grail.chain.address_book import AddressBook
from grail.chain.base import Chain, Head, Receipt
from grail.chain.subnet.statements import Statements
from grail.errors import Reverted
from grail.protocol.commitment import commitment_values
from grail.protocol.records import Ballot, Case, CaseState, Commitment, FaultKind
from grail.protocol.submission import Opening
from grail.protocol.sum_tree import SumTree
from grail.protocol.units import Address, BlockNumber, Digest, WindowId


class Justice(Statements):
    """FaultCourt and Jury. What is closed stays closed: it is read once."""

    def __init__(self, chain: Chain, book: AddressBook) -> None:
        super().__init__(chain, book)
        self._closed_cases: dict[int, Case] = {}
        self._cases: tuple[Head, list[Case]] | None = None
        self._weights: dict[tuple[int, int, Address], int] = {}

    def forget(self) -> None:
        """See Windows.forget."""
        super().forget()
        self._closed_cases.clear()
        self._cases = None
        self._weights.clear()

    # Proofs

    def prove_derivation(self, signer: Signer, entry: Commitment, opening: Opening) -> Receipt:
        """Prove a wrong derivation, or a false worth, on chain."""
        values = (commitment_values(entry), tuple(opening.leaf.values()), opening.size, opening.entry.values())
        return self.contracts["FaultCourt"].send(signer, "proveDerivationFault", *values)

    def prove_wrong_root(self, signer: Signer, entry: Commitment, tree: SumTree) -> Receipt:
        """Prove that a submission's tree ends in another worth than was committed."""
        values = (commitment_values(entry), len(tree.keys), tree.top, tree.total)
        return self.contracts["FaultCourt"].send(signer, "proveWrongRoot", *values)

    def prove_equivocation(
        self, signer: Signer, entry: Commitment, other: Commitment, signature: bytes, charge: BlockNumber
    ) -> Receipt:
        """Prove a signed commitment besides the one on chain; `charge`: a block at which the key was in charge."""
        values = (commitment_values(entry), commitment_values(other), signature, charge)
        return self.contracts["FaultCourt"].send(signer, "proveEquivocation", *values)

    def is_convicted(self, window: WindowId, neuron: Address) -> bool:
        """Was this neuron convicted for a window already?"""
        return self.contracts["FaultCourt"].call("convicted", window, neuron)

    # The jury

    def accuse(self, signer: Signer, entry: Commitment, kind: FaultKind, evidence: Digest) -> Receipt:
        """Accuse with a bond; approves the jury where that is missing."""
        self._allow(signer, self.contracts["Jury"].address, self.latest_policy().accusation_bond)
        return self.contracts["Jury"].send(signer, "accuse", commitment_values(entry), int(kind), evidence)

    def accuse_audit(
        self, signer: Signer, entry: Commitment, kind: FaultKind, auditor: Address, sheet: bytes
    ) -> Receipt:
        """Accuse, with a bond, a validator of an audit by which its `sheet` accepts a submission."""
        self._allow(signer, self.contracts["Jury"].address, self.latest_policy().accusation_bond)
        return self.contracts["Jury"].send(signer, "accuseAudit", commitment_values(entry), int(kind), auditor, sheet)

    def contest(self, signer: Signer, entry: Commitment, validator: Address, sheet: bytes) -> Receipt:
        """Plead, with a bond, against a validator's rejection of a submission."""
        self._allow(signer, self.contracts["Jury"].address, self.latest_policy().accusation_bond)
        return self.contracts["Jury"].send(signer, "contest", commitment_values(entry), validator, sheet)

    def contest_silence(self, signer: Signer, entry: Commitment, sheets: Sequence[bytes]) -> Receipt:
        """Bring work that no seat judged before a jury, with a bond. `sheets`: of those who hold its seats."""
        self._allow(signer, self.contracts["Jury"].address, self.latest_policy().accusation_bond)
        return self.contracts["Jury"].send(signer, "contestSilence", commitment_values(entry), list(sheets))

    def overturned(self, window: WindowId, miner: Address) -> int:
        """How many holds of a submission's pay juries have overturned."""
        return self.contracts["Jury"].call("overturned", window, miner)

    def has_accused(self, window: WindowId, accused: Address, accuser: Address) -> bool:
        """Has this accuser accused this neuron's work in a window already?"""
        return self.contracts["Jury"].call("accusedBy", window, accused, accuser)

    def weight_in(self, case: Case, juror: Address) -> int:
        """Seats, on appeal stake, of a validator in a case whose draw is fixed; else NotDrawn is raised. Remembered: it
        follows from the stake of a block that is past.
        """
        key = case.number, case.round, juror
        if key not in self._weights:
            self._weights[key] = self.contracts["Jury"].call("weightOf", case.number, juror)
        return self._weights[key]

    def has_weight(self, case: Case, juror: Address) -> bool:
        """Has a validator a say in a case now? No, too, while its draw is not fixed."""
        try:
            return self.weight_in(case, juror) > 0
        except Reverted:
            return False

    def seats_in(self, case: int, juror: Address) -> int:
        """Seats of a validator in the first round."""
        return self.contracts["Jury"].call("seatsOf", case, juror)

    def draw(self, signer: Signer, case: int) -> Receipt:
        """Fix a case's draw."""
        return self.contracts["Jury"].send(signer, "draw", case)

    def commit_vote(self, signer: Signer, case: Case, commitment: Digest) -> Receipt:
        """A juror's secret vote. Raises Contradiction where the signer has voted otherwise."""
        self._state_vote(signer, case, commitment)
        return self.contracts["Jury"].send(signer, "commitVote", case.number, commitment)

    def reveal_vote(self, signer: Signer, case: int, ballot: Ballot, salt: Digest) -> Receipt:
        """Open a vote."""
        return self.contracts["Jury"].send(signer, "revealVote", case, int(ballot), salt)

    def vote_of(self, case: int, round_: int, juror: Address) -> tuple[Digest | None, Ballot]:
        """A juror's commitment (None without one) and revealed word in a round."""
        commitment, said = self.contracts["Jury"].call("voteOf", case, round_, juror)
        return (commitment if any(commitment) else None), Ballot(said)

    def rule(self, signer: Signer, case: int) -> Receipt:
        """Count the jury's votes."""
        return self.contracts["Jury"].send(signer, "rule", case)

    def appeal(self, signer: Signer, case: int) -> Receipt:
        """Ask all validators, with a bond."""
        self._allow(signer, self.contracts["Jury"].address, self.latest_policy().appeal_bond)
        return self.contracts["Jury"].send(signer, "appeal", case)

    def execute_case(self, signer: Signer, case: int) -> Receipt:
        """Close a case whose ruling stands."""
        return self.contracts["Jury"].send(signer, "execute", case)

    def fine(self, signer: Signer, case: int, juror: Address) -> Receipt:
        """Fine a drawn juror that voted against the verdict or not at all."""
        return self.contracts["Jury"].send(signer, "fine", case, juror)

    def cases(self) -> list[Case]:
        """All cases, oldest first; read once a block, for every duty of every neuron asks."""
        head = self.chain.head()
        if self._cases is None or self._cases[0] != head:
            self._cases = head, [self.case(number) for number in range(self.contracts["Jury"].call("caseCount"))]
        return list(self._cases[1])

    def case(self, number: int) -> Case:
        """One case."""
        if number in self._closed_cases:
            return self._closed_cases[number]
        raw = self.contracts["Jury"].call("caseOf", number)
        case = Case(
            number=number,
            contest=raw["contest"],
            window=WindowId(raw["window"]),
            accused=raw["accused"],
            accuser=raw["accuser"],
            kind=FaultKind(raw["kind"]) if raw["kind"] else None,
            state=CaseState(raw["state"]),
            ruling=Ballot(raw["ruling"]),
            evidence=raw["evidence"],
            draw_block=raw["drawBlock"],
            commit_end=raw["commitEnd"],
            reveal_end=raw["revealEnd"],
            guilty=raw["guilty"],
            innocent=raw["innocent"],
        )
        if case.state is CaseState.CLOSED:
            self._closed_cases[number] = case
        return case
