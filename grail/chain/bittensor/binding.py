"""Which hotkey is which neuron: the association of the slot's hotkey with an EVM key, as of one block.

The chain keeps it by slot. A slot that another hotkey took over still has the old one's; and an EVM key may stand in
several slots. Both are decided here, by one rule that every validator applies to the same block.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grail.chain.bittensor.base import Metagraph, Peer
from grail.protocol.units import Address


@dataclass(frozen=True, slots=True)
class Bound:
    """Slots by the EVM account that they belong to, hotkeys by uid, and in words what was not believed."""

    peers: Mapping[Address, Peer]
    hotkeys: Mapping[int, str]
    odd: tuple[str, ...]


def bind(graph: Metagraph) -> Bound:
    """An association counts where it was made after the slot's hotkey had registered; of several slots with one EVM key
    the latest association counts, and of those of one block the lowest uid.
    """
    found: dict[Address, Peer] = {}
    odd: list[str] = []
    for peer in graph.peers:
        if peer.evm is None:
            continue
        if peer.associated_at < peer.registered_at:
            odd.append(f"uid {peer.uid}: its association is that of a hotkey which has lost the slot")
            continue
        other = found.get(peer.evm)
        if other is None or _later(peer, other):
            found[peer.evm] = peer
        if other is not None:
            odd.append(
                f"0x{peer.evm.hex()} stands in uids {other.uid} and {peer.uid}: uid {found[peer.evm].uid} counts"
            )
    return Bound(found, {peer.uid: peer.hotkey for peer in graph.peers}, tuple(odd))


def _later(peer: Peer, other: Peer) -> bool:
    return (peer.associated_at, -peer.uid) > (other.associated_at, -other.uid)
