"""Subtensor's EVM for tests: py-evm without EIP-2537 and EIP-2935, with stand-ins at the precompiles that we use.

Named stand-ins: sr25519 is checked by the SDK's own library, alpha and drand's pulses are what a test says.
"""

from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth_abi.abi import decode, encode

from grail.chain.embedded import EmbeddedChain
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address

MAINNET, TESTNET = 964, 945
GAS = 3_000
ALPHA: dict[tuple[bytes, int], int] = {}
"""Of a hotkey in a subnet, in rao."""
PULSES: dict[int, bytes] = {}
"""Signatures that the chain's drand pallet has stored."""


def selector(signature: str) -> bytes:
    """First four bytes of a call."""
    return keccak256(signature.encode())[:4]


def verify(call: bytes) -> bytes:
    """0x403."""
    from bittensor.sp_core import Keypair

    assert call[:4] == selector("verify(bytes32,bytes32,bytes32,bytes32)")
    message, key, r, s = decode(["bytes32"] * 4, call[4:])
    return encode(["bool"], [Keypair(public_key=key, ss58_format=42).verify(message, r + s)])


def staked(call: bytes) -> bytes:
    """0x805."""
    assert call[:4] == selector("getTotalAlphaStaked(bytes32,uint256)")
    return encode(["uint256"], [ALPHA.get(decode(["bytes32", "uint256"], call[4:]), 0)])


def pulse(call: bytes) -> bytes:
    """0x810."""
    assert call[:4] == selector("getPulse(uint64)")
    number = decode(["uint64"], call[4:])[0]
    stored = PULSES.get(number, b"")
    return encode(["bool", "uint64", "bytes", "bytes"], [bool(stored), number if stored else 0, b"", stored])


def _precompile(answer):
    def run(computation):
        computation.consume_gas(GAS, reason="a stand-in of Subtensor's")
        computation.output = answer(bytes(computation.msg.data))
        return computation

    return run


def machine(*, drand: bool = True) -> type[PragueVM]:
    """Rules of Subtensor's EVM; older runtimes have no drand precompile."""
    ours = {0x403: verify, 0x805: staked, **({0x810: pulse} if drand else {})}
    stand_ins = {index.to_bytes(20, "big"): _precompile(answer) for index, answer in ours.items()}

    class Computation(PragueComputation):
        _precompiles = CancunComputation.get_precompiles() | stand_ins

    class State(PragueState):
        computation_class = Computation

        def set_system_contracts(self) -> None:
            """No EIP-2935."""

    class Machine(PragueVM):
        _state_class = State

    return Machine


def subtensor(funder: Address, path=None, *, chain_id: int = MAINNET, drand: bool = True) -> EmbeddedChain:
    """A chain of our own under Subtensor's rules."""
    return EmbeddedChain(funder, path, chain_id=chain_id, rules=machine(drand=drand))
