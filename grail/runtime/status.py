"""Where a network stands, as plain values."""

from typing import Any

from grail.chain.subnet import Subnet
from grail.protocol.units import WindowId


def network_status(subnet: Subnet) -> dict[str, Any]:
    """Block, window, phase, checkpoint and neurons; amounts as decimal strings in wei."""
    head = subnet.chain.head().number
    window = subnet.current_window()
    phase, left, version = "before genesis", subnet.schedule.genesis - head, subnet.latest_version()
    if window is not None:
        phase = subnet.schedule.phase(head).value
        left = subnet.schedule.start(WindowId(window + 1)) - head
        record = subnet.active_checkpoint(window)
        version = record.version if record is not None else version
    return {
        "block": head,
        "window": window,
        "phase": phase,
        "blocks_left": left,
        "checkpoint": version,
        "neurons": [
            {
                "address": "0x" + neuron.address.hex(),
                "role": neuron.role.name.lower(),
                "stake_wei": str(neuron.stake),
                "jailed": neuron.jailed,
            }
            for neuron in (subnet.neuron(member) for member in subnet.members())
        ],
    }
