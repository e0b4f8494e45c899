"""From settings to a subnet of Bittensor: its client, and the duty that mirrors settlements."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grail.chain.bittensor import require_sdk
from grail.config import BittensorSettings, Settings
from grail.errors import BadInput, GrailError, SettingsError
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address
from grail.runtime.node import Node
from grail.runtime.service import Service
from grail.storage.issued import Issued

if TYPE_CHECKING:
    from grail.chain.bittensor.base import Metagraph
    from grail.chain.bittensor.client import SubtensorClient

CALL_SECONDS = 30.0
GRAPH_SECONDS = 60.0
"""For which a relay believes who is registered."""


@contextmanager
def native_client(told: BittensorSettings, seconds: float = CALL_SECONDS) -> Iterator["SubtensorClient"]:
    """A client that is connected while it lasts; raises as `connected` does."""
    client = connected(told, seconds)
    try:
        yield client
    finally:
        client.close()


def connected(told: BittensorSettings, seconds: float = CALL_SECONDS) -> "SubtensorClient":
    """A client that is connected, and to be closed. Raises Unavailable without the SDK, SettingsError without a subnet
    or a hotkey, WrongChain, ChainUnavailable.
    """
    require_sdk()
    if told.netuid is None:
        raise SettingsError("expected a subnet: --netuid, or [bittensor] netuid in the settings")
    from grail.chain.bittensor.client import SubtensorClient, open_wallet

    wallet = open_wallet(told.wallet_name, told.wallet_hotkey, told.wallet_path)
    client = SubtensorClient(told.network, wallet, seconds=seconds)
    try:
        client.open()
    except GrailError:
        client.close()
        raise
    return client


def hotkey_callers(told: BittensorSettings) -> Issued:
    """Permits of a relay for the hotkeys that are registered in the subnet, each with a quota of its own. The relay's
    own hotkey is whom they address.
    """
    client = connected(told)
    from grail.chain.bittensor.client import caller_of

    graphs: list[tuple[float, Metagraph]] = []
    lock = threading.Lock()

    def caller(headers: Mapping[str, str], body: bytes) -> Address:
        who = caller_of(headers, body, method="POST", path="/permits", receiver=client.hotkey)
        with lock:
            if not graphs or time.monotonic() > graphs[0][0] + GRAPH_SECONDS:
                graphs[:] = [(time.monotonic(), client.metagraph(told.netuid or 0))]
            peer = graphs[0][1].by_hotkey(who)
        if peer is None:
            raise BadInput(f"{who} is not registered in subnet {told.netuid}")
        return keccak256(b"grail/hotkey-account/1" + peer.key)[12:]

    return Issued(caller, client.hotkey)


@contextmanager
def mirrored(settings: Settings, node: Node, service: Service) -> Iterator[None]:
    """While it lasts, a validator's service sets its subnet's weights, where the settings name one."""
    told = settings.bittensor
    if told.netuid is None:
        yield
        return
    from validator.duties.mirror import MirrorWeights

    with native_client(told) as client:
        node.log.info("mirrors settlements", netuid=told.netuid, network=told.network, hotkey=client.hotkey)
        service.add(MirrorWeights(node, client, told.netuid, told.burn_uid))
        yield
