"""Register a checkpoint that a person brings: the first one of a network, or one from elsewhere."""

from dataclasses import dataclass

from grail.chain.subnet import Subnet
from grail.checkpoints.files import CALIBRATION, Checkpoint
from grail.checkpoints.manifest import read_entry, read_manifest, upload
from grail.errors import BadCheckpoint, SettingsError
from grail.proofs.sketch import SCHEME
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord, Role
from grail.protocol.units import Address, CheckpointVersion, Digest, WindowId
from grail.storage.base import ObjectStore
from grail.verification.calibration import profile_of

NOTHING = bytes(32)


@dataclass(frozen=True, slots=True)
class Publication:
    """What a checkpoint would follow: `parent` is the newest version's record, None for the first one of a network."""

    checkpoint: Checkpoint
    parent: CheckpointRecord | None

    @property
    def is_newest(self) -> bool:
        """Is it what the network has published last?"""
        return self.parent is not None and self.parent.fingerprint == self.checkpoint.fingerprint


def examined(subnet: Subnet, checkpoint: Checkpoint, publisher: Address) -> Publication:
    """Everything that can be checked before anything is sent.

    Raises BadCheckpoint for a folder that could not be audited, SettingsError for an account that may not publish.
    """
    profile = checkpoint.folder / CALIBRATION
    if not profile.exists():
        raise BadCheckpoint(
            f"{checkpoint.folder} has no {CALIBRATION}, so nobody could audit work on it: grail calibrate"
        )
    profile_of(checkpoint)
    if subnet.neuron(publisher).role is not Role.TRAINER or not subnet.is_active(publisher, Role.TRAINER):
        raise SettingsError(
            f"expected 0x{publisher.hex()} to be an active trainer: "
            'grail register --role trainer --stake "5000 GRAIL", or use the key of one'
        )
    if not subnet.is_approved(publisher):
        raise SettingsError(
            f"trainer 0x{publisher.hex()} may not publish: token holders approve trainers by vote "
            "(grail vote propose, a file with [trainers]), or the network's plan names them"
        )
    newest = subnet.latest_version()
    return Publication(checkpoint, subnet.checkpoint(newest) if newest else None)


def stored(checkpoint: Checkpoint, store: ObjectStore) -> Digest:
    """Upload a checkpoint's files, then read every one of them back. Returns the manifest's digest."""
    manifest = upload(checkpoint.folder, store)
    for entry in read_manifest(store, manifest).files.values():
        read_entry(store, entry)
    return manifest


def record_of(
    checkpoint: Checkpoint, manifest: Digest, rules_hash: Digest, parent: Digest = NOTHING, scheme: str = SCHEME
) -> CheckpointRecord:
    """What is registered; version, window and publisher are the contract's to set."""
    return CheckpointRecord(
        version=CheckpointVersion(0),
        fingerprint=checkpoint.fingerprint,
        parent=parent,
        manifest=manifest,
        rules_hash=rules_hash,
        calibration=keccak256((checkpoint.folder / CALIBRATION).read_bytes()),
        proof_scheme=scheme,
        active_from=WindowId(0),
        publisher=bytes(20),
    )
