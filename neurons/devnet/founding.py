"""Found a development network: contracts, money, neurons, the first checkpoint. Broken off, it goes on where it was."""

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator

from grail.chain import open_chain
from grail.chain.accounts import ANVIL_KEY, Signer, create_keystore
from grail.chain.address_book import AddressBook
from grail.chain.deployment import NetworkPlan, VotingRules, deploy
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.checkpoints.files import open_checkpoint
from grail.config import load_settings, toml_text
from grail.environments.mandates import rules_of
from grail.environments.registry import Environments
from grail.errors import ChainError, SettingsError
from grail.models.library import Library
from grail.protocol.records import Role
from grail.protocol.units import Address
from grail.runtime.publishing import examined, record_of, stored
from neurons.devnet.layout import DevnetOptions, Layout
from neurons.wiring import keystore_address, published_store, unlock
from simulation.cast import CAP, GAS_MONEY, GRAIL, INITIAL_SUPPLY, POCKET, STAKES

HOLDER = Signer.from_key(ANVIL_KEY)
"""Who has the chain's coins and all tokens at first."""
VOTING = VotingRules(
    delay_blocks=2, period_blocks=60, late_extension_blocks=4, threshold=1_000 * GRAIL, timelock_seconds=30
)
BEFORE, PER_NEURON = 250, 60
"""Blocks until the first window: founding takes fewer, since it makes them as it needs them."""
HURRY_SECONDS = 0.05

Notify = Callable[[str], None]


def make_keys(layout: Layout, options: DevnetOptions, notify: Notify) -> None:
    """Password, keystores, settings: what is there stays."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    if not layout.password.exists():
        layout.password.touch(mode=0o600)
        layout.password.write_text(secrets.token_hex(16) + "\n")
    password = layout.password.read_text().strip()
    for name in options.neurons:
        if not layout.keystore(name).exists():
            notify(f"making the key of {name}")
            create_keystore(layout.keystore(name), password)
        layout.write_settings(name, options)
    for name in ("relay", "explorer"):
        if not layout.settings(name).exists():
            chain = {"url": options.url, "address_book": str(layout.book)}
            work = {"folder": str(layout.folder / name)}
            layout.settings(name).write_text(toml_text({"chain": chain, "work": work}))


def deployed(layout: Layout, options: DevnetOptions, notify: Notify) -> Subnet:
    """The network's contracts, on a chain that answers. Raises SettingsError where they are gone with their chain."""
    chain = open_chain([options.url])
    if layout.book.exists():
        subnet = Subnet(chain, AddressBook.load(layout.book))
        if not chain.code(subnet.ledger_address):
            raise SettingsError(
                f"the chain of this network is gone (an {options.node} node keeps none): "
                f"grail devnet down --folder {layout.folder}, and begin in another folder"
            )
        return subnet
    notify("deploying contracts")
    genesis = chain.head().number + BEFORE + PER_NEURON * len(options.neurons)
    schedule = options.schedule(genesis)
    plan = NetworkPlan(
        schedule=schedule,
        overrides=options.policy(),
        environments={options.environment: (1, 1_000)},
        holders={HOLDER.address: INITIAL_SUPPLY},
        cap=CAP,
        trainers=[address_of(layout, "trainer")],
        voting=VOTING,
        phase_floor=2,
    )
    with hurried(chain):
        book = deploy(chain, HOLDER, plan)
    book.save(layout.book)
    return Subnet(chain, book)


def populated(layout: Layout, options: DevnetOptions, subnet: Subnet, notify: Notify) -> None:
    """Every neuron registered, with coins, stake and endpoint; the first checkpoint published."""
    with hurried(subnet.chain):
        for name, role in options.neurons.items():
            if subnet.neuron(address_of(layout, name)).role is Role.NONE:
                notify(f"registering {name}")
                _register(layout, options, subnet, name, role)
        if subnet.latest_version() == 0:
            notify(f"publishing {options.model}")
            _publish(layout, options, subnet)


def begin(subnet: Subnet) -> None:
    """Make blocks up to the one before the first window."""
    missing = subnet.schedule.genesis - 1 - subnet.chain.head().number
    if missing > 0 and isinstance(subnet.chain, JsonRpcChain):
        subnet.chain.mine(missing)


def address_of(layout: Layout, name: str) -> Address:
    """Of a neuron's key."""
    found = keystore_address(layout.keystore(name))
    if found is None:
        raise SettingsError(f"expected a keystore at {layout.keystore(name)}: is the folder whole?")
    return found


def _register(layout: Layout, options: DevnetOptions, subnet: Subnet, name: str, role: str) -> None:
    signer, kind = unlock(load_settings(layout.settings(name))), Role[role.upper()]
    if subnet.chain.coins(signer.address) < GAS_MONEY // 2:
        subnet.chain.send(HOLDER, signer.address, b"", GAS_MONEY)
    missing = STAKES[kind] + POCKET - subnet.balance(signer.address)
    if missing > 0:
        subnet.transfer(HOLDER, signer.address, missing)
    subnet.register(signer, kind, options.relay_url, STAKES[kind])
    if kind is Role.MINER:
        subnet.pledge(signer, options.groups)


def _publish(layout: Layout, options: DevnetOptions, subnet: Subnet) -> None:
    settings = load_settings(layout.settings("trainer"))
    signer, checkpoint = unlock(settings), open_checkpoint(Library(settings.work.models).find(options.model))
    examined(subnet, checkpoint, signer.address)
    manifest = stored(checkpoint, published_store(settings, subnet, signer))
    environment = Environments.installed().by_id(options.environment)
    rules = rules_of(checkpoint, environment)
    subnet.publish(signer, record_of(checkpoint, manifest, rules))


@contextlib.contextmanager
def hurried(chain: object) -> Iterator[None]:
    """Blocks on demand meanwhile, so that nobody waits for the chain's own."""
    assert isinstance(chain, JsonRpcChain)
    done = threading.Event()

    def mine() -> None:
        while not done.wait(HURRY_SECONDS):
            with contextlib.suppress(ChainError):
                chain.mine(1)

    thread = threading.Thread(target=mine, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
