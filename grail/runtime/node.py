"""A node: one key on one network, with its disk, its models and its environments. Roles are built on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grail.chain.accounts import Signer
from grail.chain.drand import DrandRelays
from grail.chain.subnet import Subnet
from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import Checkpoint
from grail.environments.mandates import BeaconMandates
from grail.environments.registry import Environments
from grail.inference.base import Engine
from grail.inference.engine_cache import EngineCache
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol import keys
from grail.protocol.codec import BlobLimits
from grail.protocol.schedule import takes_work
from grail.protocol.units import Address, WindowId
from grail.runtime.fitness import FitChecks
from grail.runtime.objects import ObjectsOf
from grail.storage.base import ObjectStore
from grail.storage.journal import Journal
from grail.storage.relay_writer import PublishedStore, RelayWriter
from grail.telemetry.log import get_logger
from grail.telemetry.meters import Meters


@dataclass(frozen=True, kw_only=True)
class Node:
    """Everything a duty may use. `signer` is the hotkey; `neuron` whom it works for, itself when not given.
    `confirmations`: blocks after a window's first one before its beacon is worked on. `private_endpoints`: others'
    objects are read at private addresses, too. `relays`: that keep this node's objects for others to read.
    """

    name: str
    signer: Signer
    neuron: Address | None = None
    subnet: Subnet
    store: ObjectStore
    journal: Journal
    checkpoints: CheckpointCache
    engines: EngineCache
    environments: Environments
    drand: DrandRelays = field(default_factory=DrandRelays)
    confirmations: int = 0
    private_endpoints: bool = False
    relays: Sequence[RelayWriter] = ()
    fits: FitChecks = field(default_factory=FitChecks)
    log: Any = field(default_factory=get_logger)
    meters: Meters = field(default_factory=Meters)

    @property
    def address(self) -> Address:
        """The neuron's account: its identity in the protocol, and where its money goes."""
        return self.neuron or self.signer.address

    @property
    def published(self) -> ObjectStore:
        """Where this node's own objects go, so that others can read them."""
        return PublishedStore(self.store, self.relays) if self.relays else self.store

    def objects_of(self, owner: Address, *witnesses: Address) -> ObjectsOf:
        """What a neuron has stored: in the own store, else where it or who has read it registered an endpoint."""
        return ObjectsOf(self.subnet, self.store, owner, witnesses=witnesses, private=self.private_endpoints)

    def checkpoint(self, window: WindowId) -> Checkpoint | None:
        """The checkpoint that `window` mandates, on this disk; None when nothing is published yet."""
        record = self.subnet.active_checkpoint(window)
        return None if record is None else self.checkpoints.fetch(record)

    def takes_work(self, window: WindowId) -> bool:
        """Do miners work in this window? Not where a sequential network waits for an update."""
        record = self.subnet.active_checkpoint(window)
        if record is None:
            return False
        return takes_work(window, record.active_from, self.subnet.policy(window).max_staleness)

    def engine(self, checkpoint: Checkpoint) -> Engine:
        """The checkpoint, loaded."""
        return self.engines.engine(checkpoint)

    def sketch_plan(self, window: WindowId) -> SketchPlan:
        """How the window is sketched."""
        policy = self.subnet.policy(window)
        return SketchPlan(keys.sketch_seed(self.subnet.beacon(window)), policy.sketch_dim, policy.sketch_stride)

    def blob_limits(self, window: WindowId, checkpoint: Checkpoint, groups: int) -> BlobLimits:
        """What a submission of `groups` groups may be in this window."""
        policy = self.subnet.policy(window)
        return BlobLimits(
            groups=groups,
            group_size=policy.group_size,
            max_tokens=checkpoint.rules.max_tokens,
            sketch_dim=policy.sketch_dim,
            sketch_stride=policy.sketch_stride,
            max_observed=policy.max_observed_tokens,
            observed_milli=policy.observed_milli,
        )

    def mandates(self, window: WindowId, miner: Address, checkpoint: Checkpoint, codec: TextCodec) -> BeaconMandates:
        """What `miner` has to do in `window`."""
        mix = self.subnet.environments(window)
        self.environments.learn(mix.ids)
        return BeaconMandates(
            self.subnet.beacon(window),
            miner,
            mix,
            self.environments,
            checkpoint,
            codec,
            self.subnet.policy(window).max_observed_tokens,
        )
