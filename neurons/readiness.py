"""Is this node ready to work? Each thing that it needs, looked at from here and, where others need it, from outside."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grail.chain.accounts import checksummed
from grail.chain.deployment import verify_code
from grail.chain.subnet import Subnet
from grail.checkpoints.manifest import read_manifest
from grail.config import Settings, read_password
from grail.environments.registry import Environments
from grail.errors import GrailError
from grail.foreign.urls import shown
from grail.governance.acts import shown_amount
from grail.protocol.records import Role
from grail.protocol.units import Address, WindowId
from grail.runtime.ahead import unknown_to
from grail.runtime.objects import ObjectsOf, endpoints_of
from grail.storage import open_store
from grail.storage.database import Database
from grail.storage.journal import Journal
from grail.storage.relays import RelayReader
from miner.duties.pace import Pace, working_blocks
from neurons.wiring import keystore_address, open_subnet, published_store, unlock

PROBE = b"grail doctor: may others read what this node stores?"
FREE_TIMES = 3
"""Copies of a checkpoint that a node needs room for: the newest, the one before, and one that arrives."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what to do where it is not as it should be."""

    name: str
    ok: bool
    what: str
    remedy: str = ""


def shown_check(check: Check) -> list[str]:
    """For people: one line, and the remedy where it is needed."""
    return [
        f"{'ok  ' if check.ok else 'MISS'}  {check.name}: {check.what}",
        *([] if check.ok else [f"      {check.remedy}"]),
    ]


def readiness(settings: Settings) -> Iterator[Check]:
    """All checks, each as soon as it is made; those that need a chain only where there is one."""
    key = keystore_address(settings.key.keystore)
    made = f"grail keys new {settings.key.keystore}"
    yield Check("key", key is not None, f"0x{key.hex()}" if key else f"no keystore at {settings.key.keystore}", made)
    try:
        subnet = open_subnet(settings)
    except GrailError as error:
        yield Check("chain", False, str(error), "chain.url and chain.address_book in the settings")
        return
    yield Check(
        "chain", True, f"chain {subnet.chain.chain_id} at {shown(settings.chain.url)}, window {_window(subnet)}"
    )
    yield _tried("contracts", lambda: _contracts(subnet), "ask the network for its address book; update Grail")
    yield _tried("store", lambda: _store(settings), "work.store in the settings: is it there, and may this node write?")
    if key is not None:
        neuron = subnet.worker_of(key) or key
        yield from _account(settings, subnet, key, neuron)
        yield _tried("endpoint", lambda: _endpoint(settings, subnet, neuron), "grail relay, grail endpoint https://…")
    yield _tried("next window", lambda: _next_window(subnet), "update Grail, install what offers the environment")
    yield _tried("checkpoint", lambda: _checkpoint(settings, subnet), "wait for a trainer, or grail publish")


def _tried(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, True, look(), remedy)
    except GrailError as error:
        return Check(name, False, str(error), remedy)


def _window(subnet: Subnet) -> str:
    window = subnet.current_window()
    return f"{window}" if window is not None else f"0 begins at block {subnet.schedule.genesis:,}"


def _contracts(subnet: Subnet) -> str:
    verify_code(subnet.chain, subnet.book)
    return "code on chain is as packaged"


def _next_window(subnet: Subnet) -> str:
    lacking = unknown_to(subnet, Environments.installed())
    if lacking:
        raise GrailError("; ".join(lacking))
    return f"its rules and environments are known: {', '.join(subnet.latest_environments().ids)}"


def _store(settings: Settings) -> str:
    store = open_store(settings.work.store)
    store.get(store.put(PROBE), len(PROBE))
    return f"{settings.work.store.partition('?')[0]} is written and read"


def _account(settings: Settings, subnet: Subnet, key: Address, neuron: Address) -> Iterator[Check]:
    coins, record = subnet.chain.coins(key), subnet.neuron(neuron)
    yield Check("gas", coins > 0, f"{coins / 10**18:,.6f} of the chain's coin", f"send some to 0x{key.hex()}")
    bond = subnet.latest_policy().accusation_bond
    tokens = subnet.balance(key)
    told = f"{shown_amount(tokens)} besides the stake; a quarrel before a jury takes {shown_amount(bond)}"
    yield Check(
        "tokens", tokens >= bond, told, f'grail token send 0x{key.hex()} "{shown_amount(bond).replace(",", "")}"'
    )
    role = record.role.name.lower()
    active = record.role is not Role.NONE and subnet.is_active(neuron, record.role)
    remedy = (
        'grail register --role … --stake "… GRAIL"'
        if record.role is Role.NONE
        else f"grail stake add 0x{neuron.hex()} …"
    )
    yield Check("neuron", active, f"0x{neuron.hex()}: {role}, {shown_amount(record.stake)} at stake", remedy)
    if record.role is Role.MINER:
        covered, wanted = subnet.groups_covered(neuron), settings.work.groups
        told = f"stake covers {covered} of {wanted} groups"
        yield _pace(settings, subnet, key)
        yield Check("groups", covered >= wanted, told, f"grail stake add 0x{neuron.hex()} …, or fewer work.groups")


def _pace(settings: Settings, subnet: Subnet, key: Address) -> Check:
    """As the running miner has measured it last."""
    remedy, file = "grail mine --dry-run", settings.work.folder / "grail.sqlite"
    if not file.exists():
        return Check("pace", True, f"not measured yet: {remedy}", remedy)
    blocks = working_blocks(subnet.schedule.commit)
    fits = Pace.load(Journal(Database.in_file(file)), checksummed(key)).fits(blocks)
    if fits is None:
        return Check("pace", True, f"not measured yet: {remedy}", remedy)
    return Check("pace", fits > 0, f"{fits} groups are finished within {blocks} blocks", "a faster engine or machine")


def _endpoint(settings: Settings, subnet: Subnet, neuron: Address) -> str:
    urls = endpoints_of(subnet, neuron)
    if not urls:
        return "none registered: others find this node's objects only in a store that they share"
    if settings.work.relays and read_password(settings) is None:
        return f"{', '.join(map(shown, urls))}; not tried, since a relay asks for a signature: set key.password_file"
    store = open_store(settings.work.store)
    digest = (published_store(settings, subnet, unlock(settings)) if settings.work.relays else store).put(PROBE)
    public = not settings.work.private_endpoints
    for url in urls:
        RelayReader([url], public=public).get(digest, len(PROBE))
    return f"others read this node's objects at {', '.join(map(shown, urls))}"


def _checkpoint(settings: Settings, subnet: Subnet) -> str:
    version = subnet.latest_version()
    if version == 0:
        raise GrailError("nothing is published yet")
    record = subnet.checkpoint(version)
    store = open_store(settings.work.store)
    objects = ObjectsOf(subnet, store, record.publisher, private=settings.work.private_endpoints)
    size = sum(entry.size for entry in read_manifest(objects, record.manifest).files.values())
    settings.work.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.work.folder).free
    if free < FREE_TIMES * size:
        raise GrailError(
            f"{free / 2**30:.1f} GiB free in {settings.work.folder}, {FREE_TIMES * size / 2**30:.1f} are needed"
        )
    return f"version {version}, {size / 2**20:,.1f} MiB, in force from window {WindowId(record.active_from)}"
