"""Whose signature is this? Asked by servers that work for the neurons of a network; remembered for a minute."""

import threading
import time

from grail.chain.accounts import recovered
from grail.chain.subnet import Subnet
from grail.protocol.records import Role
from grail.protocol.units import Address, Digest

KEPT_SECONDS = 60.0
MOST = 4_096
"""Keys remembered: strangers' among them, so that signing nonsense costs the node at most one question each."""


class Membership:
    """The neurons of a network, by their hotkeys' signatures."""

    def __init__(self, subnet: Subnet) -> None:
        self._subnet = subnet
        self._lock = threading.Lock()
        self._known: dict[Address, tuple[float, Address | None]] = {}

    def signed_by(self, message: Digest, signature: bytes) -> Address | None:
        """The active neuron whose hotkey signed; None where there is none. Raises ChainUnavailable."""
        hotkey = recovered(message, signature)
        if hotkey is None:
            return None
        with self._lock:
            asked, neuron = self._known.get(hotkey, (0.0, None))
            if time.monotonic() < asked + KEPT_SECONDS and asked:
                return neuron
            if len(self._known) >= MOST:
                self._known.clear()
            neuron = self._active(hotkey)
            self._known[hotkey] = (time.monotonic(), neuron)
            return neuron

    def _active(self, hotkey: Address) -> Address | None:
        neuron = self._subnet.worker_of(hotkey)
        if neuron is None:
            return None
        role = self._subnet.neuron(neuron).role
        return neuron if role is not Role.NONE and self._subnet.is_active(neuron, role) else None
