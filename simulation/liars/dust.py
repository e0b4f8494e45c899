"""Many validators of the least stake, who reject whatever they have seats in."""

from grail.chain.accounts import Signer
from grail.errors import Reverted
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.records import Role
from grail.protocol.units import WindowId
from grail.runtime.reckon import committee_of, reckon
from grail.settlement.leaves import page_count
from grail.settlement.sheets import PAGE, Entry, encode_sheet
from simulation.cast import GRAIL
from simulation.liars.base import Liar

STAKE = 1_000 * GRAIL
SALT = keccak256(b"dust")


class DustSwarm(Liar):
    """Holds the pay of honest miners, and is paid for its seats like anybody. Each contest that it loses costs more."""

    kind = "dust-swarm"

    @property
    def funds(self) -> int:
        """The least stake each."""
        return STAKE * len(self.accounts)

    def labels(self) -> list[str]:
        """As many as the cast says."""
        return [f"validator {i + 1}" for i in range(self.lie.count)]

    def join(self, holder: Signer) -> None:
        """The least stake each."""
        for account in self.accounts:
            self.fund(holder, account, STAKE)
            self.network.subnet.register(account, Role.VALIDATOR, f"localnet://{self.name}", STAKE)

    def lie_in(self, window: WindowId, phase: str) -> None:
        """Commit to a sheet of rejections, reveal it, claim."""
        steps = {"auditing": self._commit, "revealing": self._reveal, "claiming": self._claim}
        if phase in steps:
            for account in self.accounts:
                try:
                    steps[phase](window, account)
                except Reverted:
                    continue  # fined below its standing, or displaced: no seat any more

    def _sheet(self, window: WindowId, account: Signer) -> bytes:
        committee = committee_of(self.network.subnet, window)
        commitments = self.network.subnet.commitments(window)
        pages: list[list[Entry]] = [[] for _ in range(page_count(len(commitments)))]
        for index in range(len(commitments)):
            seats = committee.seats_of(index, account.address) if committee is not None else []
            pages[index // PAGE] += [Entry.REJECT] * len(seats)
        return encode_sheet(pages) if any(pages) else b""

    def _commit(self, window: WindowId, account: Signer) -> None:
        sheet = self._sheet(window, account)
        if sheet:
            words = encode_static(window, account.address, keccak256(sheet), bytes(32), SALT)
            self.subnet.commit_scores(account, window, keccak256(words))

    def _reveal(self, window: WindowId, account: Signer) -> None:
        sheet = self._sheet(window, account)
        if sheet:
            self.subnet.reveal_scores(account, window, sheet, bytes(32), SALT)

    def _claim(self, window: WindowId, account: Signer) -> None:
        found = reckon(self.network.subnet, window)
        index = found.leaf_of(account.address, validator=True) if found is not None else None
        if found is not None and index is not None and found.leaves[index].value:
            self.subnet.claim(account, window, index, found.leaves[index], found.tree.path(index))
