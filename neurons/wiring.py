"""From settings to a node: chain, key, disk, models. Shared by the three entry points."""

import fcntl
import os
import secrets
import signal
import sys
from dataclasses import replace
from getpass import getpass
from pathlib import Path
from types import FrameType
from typing import IO

from grail.chain import open_chain
from grail.chain.accounts import Signer, load_keystore
from grail.chain.address_book import AddressBook
from grail.chain.drand import DrandRelays
from grail.chain.signing_history import SigningHistory
from grail.chain.subnet import Subnet
from grail.checkpoints.fetch import CheckpointCache
from grail.config import Settings, WorkSettings, read_password
from grail.environments.registry import Environments
from grail.errors import KeyInUse, SettingsError
from grail.foreign.files import read_object
from grail.inference.engine_cache import EngineCache
from grail.protocol.records import Role
from grail.protocol.units import Address
from grail.runtime.node import Node
from grail.runtime.objects import ObjectsOf
from grail.runtime.prune import Prune
from grail.runtime.service import Service
from grail.storage import open_store
from grail.storage.base import ObjectStore
from grail.storage.database import Database
from grail.storage.journal import Journal
from grail.storage.relay_writer import PublishedStore, RelayWriter
from grail.telemetry.log import get_logger
from grail.telemetry.meters import Meters

HISTORY = "signatures.jsonl"
"""In the work folder."""
_LOCKS: list[IO[str]] = []
"""Held until the process ends."""


def open_node(settings: Settings, role: Role) -> Node:
    """A node that may work as `role`.

    Raises SettingsError when its key is not registered for that role, KeyInUse when another process works with it.
    """
    folder = settings.work.folder
    folder.mkdir(parents=True, exist_ok=True)
    signer = unlock(settings)
    lock(folder, signer.name)
    subnet = open_subnet(settings)
    neuron = subnet.worker_of(signer.address)
    found = subnet.neuron(neuron).role if neuron is not None else Role.NONE
    if found is not role:
        raise SettingsError(
            f"expected {signer.name} to be the hotkey of a {role.name.lower()}, got {found.name.lower()}: "
            f'grail register --role {role.name.lower()} --stake "2000 GRAIL"'
        )
    signer = replace(signer, history=SigningHistory(folder / HISTORY))
    log = get_logger(role=role.name.lower())
    waited = None if role is Role.TRAINER else subnet.begin_statements(signer)
    if waited is not None:
        log.warning(
            "what this key has signed of late is not known here: nothing is committed in this window",
            neuron=signer.name, window=waited, remedy="grail keys history --import FILE brings it from another machine",
        )  # fmt: skip
    journal = Journal(Database(settings.database.url or f"sqlite:///{folder / 'grail.sqlite'}"))
    return replace(
        reading_node(settings, subnet, journal),
        name=signer.name,
        signer=signer,
        neuron=neuron,
        relays=relay_writers(settings, subnet, signer),
        log=log,
        meters=Meters.open(settings.meters, log),
    )


def reading_node(settings: Settings, subnet: Subnet | None = None, journal: Journal | None = None) -> Node:
    """A node that reads chain and objects and is nobody: its key is new, and forgotten with it."""
    subnet = subnet or open_subnet(settings)
    store, private = open_store(settings.work.store), settings.work.private_endpoints
    return Node(
        name="reader",
        signer=Signer.from_key(secrets.token_bytes(32)),
        subnet=subnet,
        store=store,
        journal=journal or Journal(Database("sqlite://")),
        checkpoints=CheckpointCache(
            settings.work.folder / "checkpoints",
            store,
            lambda publisher: ObjectsOf(subnet, store, publisher, private=private),
        ),
        engines=EngineCache(settings.work.engine, settings.work.threads, settings.work.device, settings.work.ray),
        environments=Environments.installed(),
        drand=DrandRelays(settings.chain.drand),
        confirmations=settings.chain.confirmations,
        private_endpoints=private,
    )


def relay_writers(settings: Settings, subnet: Subnet, signer: Signer) -> list[RelayWriter]:
    """The relays that keep this key's objects for others, as the settings say."""
    registry = subnet.contracts["NeuronRegistry"].address
    return [RelayWriter(url, signer.sign_hash, subnet.chain.chain_id, registry) for url in settings.work.relays]


def published_store(settings: Settings, subnet: Subnet, signer: Signer) -> ObjectStore:
    """Where this key's own objects go, so that others can read them."""
    store, relays = open_store(settings.work.store), relay_writers(settings, subnet, signer)
    return PublishedStore(store, relays) if relays else store


def open_subnet(settings: Settings) -> Subnet:
    """The network that the settings name; raises WrongChain when the node is on another chain."""
    book, chain = AddressBook.load(settings.chain.address_book), settings.chain
    urls, cap = (chain.url, *chain.urls), chain.max_fee_gwei * 10**9
    return Subnet(open_chain(urls, expected_chain_id=book.chain_id, fee_cap=cap), book)


def keystore_address(path: Path) -> Address | None:
    """Whose key a keystore file holds, without its password; None where there is no such file or it does not say."""
    try:
        found = bytes.fromhex(read_object(path, "a keystore file")["address"].removeprefix("0x"))
    except (SettingsError, ValueError, KeyError, AttributeError):
        return None
    return found if len(found) == 20 else None


def keystore_of(settings: Settings) -> Path:
    """The file of the key that a node works with: key.keystore, or an EVM key of a Bittensor wallet."""
    return settings.bittensor.evm_keystore if settings.bittensor.evm_key else settings.key.keystore


def unlock(settings: Settings) -> Signer:
    """The key of the keystore file; asks for the password where nothing gives it."""
    password, keystore = read_password(settings), keystore_of(settings)
    if password is None:
        if not sys.stdin.isatty():
            raise SettingsError("expected a keystore password: set key.password_file or GRAIL_PASSWORD")
        password = getpass(f"password of {keystore}: ")
    return load_keystore(keystore, password)


def run_until_stopped(service: Service, work: WorkSettings) -> None:
    """Run until SIGINT or SIGTERM; the running duty is finished first. A second signal ends at once."""
    if work.keep == "needed":
        service.add(Prune(service.node, work.folder / "checkpoints"))

    def stop(_number: int, _frame: FrameType | None) -> None:
        service.node.log.info("stopping after the running duty", neuron=service.node.name)
        service.stop()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    service.node.log.info("started", neuron=service.node.name)
    service.run(work.poll_seconds)
    service.node.log.info("stopped", neuron=service.node.name)


def lock(folder: Path, name: str) -> None:
    """One process a key: two would commit against each other. `name`: the key's address. Raises KeyInUse."""
    file = (folder / f"{name}.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise KeyInUse(
            f"another process works with {name} in {folder}: stop it, or use another key for this one"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    _LOCKS.append(file)
