"""An operator with others' stake in its pool convicts itself by a second account, to get a part of what they lose."""

from grail.chain.accounts import Signer
from grail.protocol.hashing import keccak256
from grail.protocol.records import Commitment, Role
from grail.protocol.units import CheckpointVersion, WindowId
from simulation.cast import GRAIL, signer_of
from simulation.liars.base import Liar

OWN, DELEGATED, POCKET = 1_000 * GRAIL, 3_000 * GRAIL, 100 * GRAIL


class SelfConvict(Liar):
    """Commits, signs another commitment, and has its shell prove it."""

    kind = "self-convict"

    @property
    def funds(self) -> int:
        """Stake, and something for gas and bonds."""
        return OWN + 2 * POCKET

    def labels(self) -> list[str]:
        """The operator and its shell."""
        return ["operator", "shell"]

    def join(self, holder: Signer) -> None:
        """The operator with a little of its own; a delegator, who is no part of it, with three times as much."""
        operator, shell = self.accounts
        subnet, delegator = self.network.subnet, signer_of(self.network.options.seed, f"{self.name} delegator")
        self.fund(holder, operator, OWN + POCKET)
        self.fund(holder, shell, POCKET)
        subnet.register(operator, Role.MINER, f"localnet://{self.name}", OWN)
        self.fund(holder, delegator, DELEGATED)
        subnet.stake(delegator, operator.address, DELEGATED)

    def lie_in(self, window: WindowId, phase: str) -> None:
        """Once the window is open."""
        subnet, (operator, shell) = self.subnet, self.accounts
        record = subnet.active_checkpoint(window)
        if phase != "mining" or record is None or subnet.neuron(operator.address).jailed:
            return
        first, second = (
            Commitment(
                window=window,
                miner=operator.address,
                root=keccak256(name),
                blob_digest=keccak256(b"nowhere"),
                n_groups=1,
                checkpoint_version=CheckpointVersion(record.version),
                worth=1_000,
            )
            for name in (b"first", b"second")
        )
        subnet.commit(operator, first)
        signature = subnet.sign_commitment(operator, second)
        charge = subnet.schedule.start(window)
        subnet.prove_equivocation(shell, first, second, signature, charge)
