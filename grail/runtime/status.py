"""Where a network stands, as plain values."""

from typing import Any

from grail.chain.subnet import Subnet
from grail.protocol.records import Role
from grail.protocol.units import WindowId


def active_counts(subnet: Subnet) -> tuple[int, int]:
    """(miners, validators) that may work now; at least one each, so that shares can be told."""
    members = subnet.members()
    miners, validators = (
        sum(subnet.is_active(member, role) for member in members) for role in (Role.MINER, Role.VALIDATOR)
    )
    return max(1, miners), max(1, validators)


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
