"""Which hotkey is which neuron, by both their words: the hotkey's on the native chain, the neuron's on ours.

The slot's hotkey has associated an EVM account. The chain keeps that by slot, and asks a proof for no date: a slot
that another hotkey took over still has the old one's, an account may stand in several slots, and a proof that was once
given can be shown again. So a neuron names its hotkey, too (NeuronRegistry.setSs58), and what it has named holds. All
of it is decided here, by one rule that every validator applies to the same block.
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


def bind(graph: Metagraph, named: Mapping[Address, bytes]) -> Bound:
    """An association counts where it was made after the slot's hotkey had registered, and where the account has named
    no other hotkey. Of several slots with one account, which has named none, the latest association counts, and of
    those of one block the lowest uid.

    `named`: accounts with the hotkeys (32 bytes) that they have named.
    """
    found: dict[Address, Peer] = {}
    odd: list[str] = []
    for peer in graph.peers:
        if peer.evm is None:
            continue
        if peer.associated_at < peer.registered_at:
            odd.append(f"uid {peer.uid}: its association is that of a hotkey which has lost the slot")
            continue
        if named.get(peer.evm, peer.key) != peer.key:
            odd.append(f"uid {peer.uid}: 0x{peer.evm.hex()} has named another hotkey")
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
