"""Alpha of a Bittensor subnet as weight: have one's own read, and look at the others', where the network counts it.

Whoever carries one alpha from hotkey to hotkey is found by whoever looks between: looking is free, so each validator
looks at one of the others whenever it can, chosen so that nobody foresees it, and sends only what it finds too high.
"""

import secrets

from grail.protocol.schedule import Schedule
from grail.protocol.units import Address, BlockNumber, Wei, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node


class ReadAlpha:
    """All through the window, one look at a time; it is never done."""

    name = "read-alpha"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the window itself, on networks that have a subnet."""
        return self._node.subnet.alpha_netuid != 0 and schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        """One look."""
        subnet, node = self._node.subnet, self._node
        self._own(window)
        places = subnet.active_validators()
        others = [validator for validator in places if validator != node.address]
        if others:
            self._look(chosen := secrets.choice(others), places[chosen])
        return None

    def _own(self, window: WindowId) -> None:
        """Where more could count than does, once a window; else before the last reading grows too old."""
        subnet, node = self._node.subnet, self._node
        policy = subnet.latest_policy()
        reading = subnet.alpha_reading(node.address)
        if policy.metagraph_factor == 1 or not any(reading.hotkey) or reading.read_at >= subnet.schedule.start(window):
            return
        aged = subnet.chain.head().number > reading.read_at + policy.metagraph_max_age // 2
        if aged or subnet.alpha_of(node.address) != reading.counted:
            subnet.sync_alpha(node.signer, node.address)
            node.log.info("had its alpha read", neuron=node.name, window=window, hotkey=reading.hotkey.hex())

    def _look(self, other: Address, weight: Wei) -> None:
        """At another: is there less than counts, or does it count with what it should not, or no longer?"""
        subnet, node = self._node.subnet, self._node
        reading = subnet.alpha_reading(other)
        if any(reading.hotkey) and subnet.alpha_of(other) < max(reading.counted, reading.least):
            subnet.sync_alpha(node.signer, other)
            node.log.warning("found less alpha than counts", neuron=node.name, validator=f"0x{other.hex()}")
        elif subnet.weight_due(other) != weight:
            subnet.reweigh(node.signer, other)
