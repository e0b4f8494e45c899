"""What a key states about a window, held against its signing history before anything is signed."""

from grail.chain.accounts import Signer
from grail.chain.signing_history import NOTHING, Scope, Statement
from grail.chain.subnet.windows import Windows
from grail.protocol.commitment import commitment_digest
from grail.protocol.records import Case, Commitment
from grail.protocol.units import BlockNumber, Digest, WindowId


def commitment_of(window: WindowId) -> str:
    """What a miner states once a window."""
    return f"commitment of window {window}"


def scores_of(window: WindowId) -> str:
    """What a validator states once a window."""
    return f"scores of window {window}"


def vote_in(case: Case) -> str:
    """What a juror states once a round."""
    return f"vote in case {case.number}, round {case.round}"


class Statements(Windows):
    """Signers without a history may state what they like: those of tests, of cheats, of tools."""

    def pass_over(self, signer: Signer, what: str, window: WindowId) -> None:
        """State that there will be no such statement, so that a later start knows it. Raises Contradiction."""
        if signer.history is not None:
            signer.history.state(self._scope(signer), Statement(what, window, NOTHING))

    def is_waited_out(self, signer: Signer, window: WindowId) -> bool:
        """Is it unknown what this key has stated about the window?"""
        return signer.history is not None and signer.history.unknown_up_to(self._scope(signer)) >= window

    def is_strange(self, signer: Signer, what: str) -> bool:
        """On chain by this key, but not stated here: does another machine use it?"""
        return signer.history is not None and not signer.history.knows(self._scope(signer), what)

    def begin_statements(self, signer: Signer) -> WindowId | None:
        """Call at a start; returns the window that is waited out, if one is."""
        return None if signer.history is None else signer.history.begin(self._scope(signer), self.current_window())

    def _state_commitment(self, signer: Signer, entry: Commitment, *, whatever_beacon: bool) -> None:
        if signer.history is not None:
            given = b"" if whatever_beacon else self.beacon(entry.window)
            statement = Statement(commitment_of(entry.window), entry.window, commitment_digest(entry), given)
            signer.history.state(self._scope(signer), statement)

    def _state_scores(self, signer: Signer, window: WindowId, commitment: Digest) -> None:
        if signer.history is not None:
            given = self.challenge(window) or b""
            signer.history.state(self._scope(signer), Statement(scores_of(window), window, commitment, given))

    def _state_vote(self, signer: Signer, case: Case, commitment: Digest) -> None:
        if signer.history is not None:
            window, drawn = self.current_window() or WindowId(0), self.drawn_by(case)
            signer.history.state(self._scope(signer), Statement(vote_in(case), window, commitment, drawn))

    def drawn_by(self, case: Case) -> Digest:
        """Hash of the block that draws a case's jury: another one after a reorganisation, then it is another trial."""
        return self.chain.block_hash(BlockNumber(case.draw_block))

    def _scope(self, signer: Signer) -> Scope:
        return Scope(signer.address, self.chain.chain_id, self.ledger_address)
