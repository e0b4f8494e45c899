"""Look at a finished run again: audit any submission of it in full."""

from pathlib import Path

from grail.errors import BadSubmission, SettingsError
from grail.inference.text import TextCodec
from grail.protocol.hashing import keccak256
from grail.protocol.records import Commitment, Role
from grail.protocol.units import WindowId
from grail.verification.audit import audit
from grail.verification.base import AuditContext, Verdict
from grail.verification.calibration import profile_of
from simulation.network import OPTIONS, LocalNetwork
from simulation.options import load_options

MAX_BYTES = 1 << 30


def verify_blob(path: Path, run_folder: Path) -> Verdict:
    """Find the commitment that names this blob and audit every rollout. Raises SettingsError when there is none."""
    if not (run_folder / OPTIONS).exists():
        raise SettingsError(f"expected a local network's run folder, got {run_folder}: see --run")
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise BadSubmission(f"expected a blob file of at most {MAX_BYTES} bytes at {path}")
    blob = path.read_bytes()
    network = LocalNetwork(load_options(run_folder / OPTIONS), run_folder)
    commitment = _commitment_of(network, keccak256(blob))
    node = network.services[0].node
    checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
    codec = TextCodec(checkpoint)
    live = node.subnet.policy(commitment.window)
    context = AuditContext(
        commitment=commitment,
        policy=live,
        checkpoint=checkpoint,
        codec=codec,
        mandates=node.mandates(commitment.window, commitment.miner, checkpoint, codec),
        plan=node.sketch_plan(commitment.window),
        limits=node.blob_limits(commitment.window, checkpoint, commitment.n_groups),
        blob=blob,
    )
    order = [divmod(place, live.group_size) for place in range(commitment.n_groups * live.group_size)]
    profile = profile_of(checkpoint)
    return audit(context, node.engine(checkpoint), profile, order, budget=len(order))


def _commitment_of(network: LocalNetwork, digest: bytes) -> Commitment:
    for window in range(network.next_window):
        for part in network.parts:
            if part.role is Role.MINER:
                found = network.subnet.commitment(WindowId(window), part.signer.address)
                if found is not None and found.blob_digest == digest:
                    return found
    raise SettingsError(f"no commitment of this run names the blob {digest.hex()}: is it a submission?")
