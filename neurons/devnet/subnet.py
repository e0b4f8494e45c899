"""The subnet of a development network with --bittensor: hotkeys, slots, and which EVM account each belongs to."""

from collections.abc import Callable

from grail.chain.bittensor import require_sdk
from grail.chain.bittensor.base import RAO
from grail.chain.subnet import Subnet
from grail.config import load_settings
from neurons.devnet.layout import BURN_UID, HOTKEY, NETUID, DevnetOptions, Layout
from neurons.native import native_client
from neurons.wiring import unlock

TEMPO = 37
"""Blocks of an epoch, less one: two to a window."""
RATE_LIMIT = 10
STAKE = 10_000 * RAO
"""Alpha of a validator."""


def founded(layout: Layout, options: DevnetOptions, notify: Callable[[str], None]) -> None:
    """Every neuron's hotkey, and the double's file with a slot for each. What is there stays."""
    require_sdk()
    from grail.chain.bittensor.client import make_hotkey
    from simulation.subtensor.double import Double

    if layout.subtensor.exists():
        return
    notify("making hotkeys")
    double = Double(netuid=NETUID)
    double.keep("Tempo", [NETUID], TEMPO)
    double.keep("WeightsSetRateLimit", [NETUID], RATE_LIMIT)
    slots = {"burn": "", **options.neurons}
    for name, role in slots.items():
        is_validator = role == "validator"
        stake = STAKE if is_validator else 0
        uid = double.register(make_hotkey(name, HOTKEY, layout.wallets), permit=is_validator, stake=stake)
        assert name != "burn" or uid == BURN_UID
    double.save(layout.subtensor)


def associated(layout: Layout, options: DevnetOptions, subnet: Subnet, notify: Callable[[str], None]) -> None:
    """Bind every neuron's EVM account to its hotkey, as `grail bittensor associate` does."""
    for name in options.neurons:
        settings = load_settings(layout.settings(name))
        signer = unlock(settings)
        with native_client(settings.bittensor) as client:
            graph = client.metagraph(NETUID)
            peer = graph.by_hotkey(client.hotkey)
            if peer is not None and peer.evm != signer.address:
                notify(f"binding {name} to its hotkey")
                client.associate(NETUID, signer, graph.block)
            if subnet.hotkey_named(signer.address) != client.key:
                subnet.name_hotkey(signer, client.key)
