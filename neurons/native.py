"""From settings to a subnet of Bittensor: its client, and the duty that mirrors settlements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grail.chain.bittensor import require_sdk
from grail.config import BittensorSettings, Settings
from grail.errors import SettingsError
from grail.runtime.node import Node
from grail.runtime.service import Service

if TYPE_CHECKING:
    from grail.chain.bittensor.client import SubtensorClient

CALL_SECONDS = 30.0


@contextmanager
def native_client(told: BittensorSettings, seconds: float = CALL_SECONDS) -> Iterator["SubtensorClient"]:
    """A client that is connected. Raises Unavailable without the SDK, SettingsError without a subnet or a hotkey,
    WrongChain, ChainUnavailable.
    """
    require_sdk()
    if told.netuid is None:
        raise SettingsError("expected a subnet: --netuid, or [bittensor] netuid in the settings")
    from grail.chain.bittensor.client import SubtensorClient, open_wallet

    wallet = open_wallet(told.wallet_name, told.wallet_hotkey, told.wallet_path)
    client = SubtensorClient(told.network, wallet, seconds=seconds)
    try:
        client.open()
        yield client
    finally:
        client.close()


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
