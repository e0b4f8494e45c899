"""`grail mine --dry-run`: some groups for the network's newest checkpoint, made and thrown away. How long do they take,
how many fit into a window, what would they earn?
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from grail.chain.subnet import Subnet
from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import Checkpoint
from grail.config import Settings
from grail.environments.registry import Environments
from grail.errors import SettingsError
from grail.inference.engine_cache import EngineCache
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import BPS
from grail.protocol.hashing import keccak256
from grail.protocol.units import WindowId
from grail.runtime.objects import ObjectsOf
from grail.storage import open_store
from miner.duties.drafts import SLICE
from miner.duties.pace import working_blocks
from neurons.wiring import keystore_address, open_subnet

PURPOSE = b"grail mine --dry-run/1"
CHAIN_SECONDS = 30.0
"""Longest look at the chain's own pace."""
BLOCKS = 3

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What was measured. Speeds are of this machine alone; `expected_wei`: of a window in which everybody delivers what
    was delivered in the last one, once this miner is reliable.
    """

    engine: str
    version: int
    groups_made: int
    tokens_per_second: float
    seconds_per_group: float
    block_seconds: float | None
    groups_set: int
    groups_that_fit: int | None
    groups_covered: int | None
    expected_wei: int | None


def rehearse(settings: Settings, notify: Notify) -> Rehearsal:
    """Measure. Raises SettingsError where nothing is published yet, Unavailable or BadCheckpoint as mining would."""
    subnet = open_subnet(settings)
    notify("fetching the checkpoint")
    version, checkpoint = _checkpoint(settings, subnet)
    work = settings.work
    notify(f"loading it into {work.engine}")
    engine = EngineCache(work.engine, work.threads, work.device).engine(checkpoint)
    window = WindowId(subnet.current_window() or 0)
    policy, environments = subnet.policy(window), Environments.installed()
    mix = subnet.environments(window)
    environments.learn(mix.ids)
    size, codec = policy.group_size, TextCodec(checkpoint)
    plan = SketchPlan(keccak256(PURPOSE), policy.sketch_dim, policy.sketch_stride)
    first, most = subnet.chain.head().number, max(1, min(work.groups, SLICE // size))
    requests = own_requests(codec, environments.by_id(mix.ids[0]), PURPOSE, size * (most + 1), size)
    notify("making one group, to warm up")
    began = time.monotonic()
    engine.generate(requests[:size], plan)
    notify(f"making {most} groups at once")
    started = time.monotonic()
    made = engine.generate(requests[size:], plan)
    seconds = time.monotonic() - started
    notify("looking how fast the chain is")
    block_seconds = _block_seconds(subnet, first, began)
    per_group = seconds / most
    fits = None if block_seconds is None else int(working_blocks(subnet.schedule.commit) * block_seconds / per_group)
    key = keystore_address(settings.key.keystore)
    return Rehearsal(
        engine=work.engine,
        version=version,
        groups_made=most,
        tokens_per_second=sum(len(one.tokens) for one in made) / seconds,
        seconds_per_group=per_group,
        block_seconds=block_seconds,
        groups_set=work.groups,
        groups_that_fit=fits,
        groups_covered=None if key is None else subnet.groups_covered(subnet.worker_of(key) or key),
        expected_wei=_expected(subnet, window, min(work.groups, fits if fits is not None else work.groups), key),
    )


def advice(found: Rehearsal) -> list[str]:
    """What to do about it, in words."""
    lines = []
    if found.groups_that_fit == 0:
        lines.append("not one group fits into a window: use a GPU, or vllm (grail bench generate compares)")
    elif found.groups_that_fit is not None and found.groups_that_fit < found.groups_set:
        lines.append(f"set work.groups to {found.groups_that_fit} or fewer: a miner pledges no more than it can finish")
    if found.groups_covered is not None and found.groups_covered < found.groups_set:
        lines.append(f"the stake covers {found.groups_covered} groups: grail stake add")
    return lines


def _checkpoint(settings: Settings, subnet: Subnet) -> tuple[int, Checkpoint]:
    version = subnet.latest_version()
    if version == 0:
        raise SettingsError("nothing is published yet: wait for a trainer, or grail publish")
    store, private = open_store(settings.work.store), settings.work.private_endpoints
    cache = CheckpointCache(
        settings.work.folder / "checkpoints", store, lambda owner: ObjectsOf(subnet, store, owner, private=private)
    )
    return version, cache.fetch(subnet.checkpoint(version))


def _block_seconds(subnet: Subnet, first: int, began: float) -> float | None:
    """Seconds a block since block `first`; waits until a few have passed. None where the chain stands still."""
    while True:
        passed, seconds = subnet.chain.head().number - first, time.monotonic() - began
        if passed >= BLOCKS or seconds > CHAIN_SECONDS:
            return seconds / passed if passed else None
        time.sleep(0.2)


def _expected(subnet: Subnet, window: WindowId, groups: int, key: bytes | None) -> int | None:
    """Wei for so many groups of average worth beside what others delivered in the window before."""
    if window == 0:
        return None
    before = WindowId(window - 1)
    others = [entry for entry in subnet.commitments(before) if entry.miner != key]
    delivered = sum(entry.n_groups for entry in others)
    part = subnet.emission(window) * subnet.policy(window).split_miners_bps // BPS
    return part * groups // (delivered + groups) if groups else 0
