"""What we read of a block, and no more: chains of other consensus put what they like into the rest."""

from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.types import RPCEndpoint

from grail.errors import ChainUnavailable
from grail.protocol.units import BlockNumber, Digest

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Block:
    """A block's number, hash, time (seconds since 1970), and its base fee in wei a unit of gas; None where the chain
    has no such fee.
    """

    number: BlockNumber
    hash: Digest
    time: int
    base_fee: int | None


def read_block(web3: Web3, which: int | str) -> Block | None:
    """By number, "latest" or "finalized"; None where the node has none. Raises ChainUnavailable for nonsense."""
    asked = hex(which) if isinstance(which, int) else which
    said: Any = web3.manager.request_blocking(RPCEndpoint("eth_getBlockByNumber"), [asked, False])
    if said is None:
        return None
    try:
        number, name = _whole(said["number"]), said["hash"]
        fee = said.get("baseFeePerGas")
        found = Block(
            BlockNumber(number), _bytes(name), _whole(said["timestamp"]), None if fee is None else _whole(fee)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ChainUnavailable(
            f"a node sends a block that is none ({type(error).__name__}): use another node"
        ) from error
    if len(found.hash) != HASH_BYTES or found.number < 0 or (isinstance(which, int) and found.number != which):
        raise ChainUnavailable("a node sends another block than was asked for: use another node")
    return found


def _whole(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
