"""The one hash H of the protocol: keccak-256 over `abi.encode(tag, values...)`, as Solidity computes it."""

from sha3 import keccak_256

WORD = 32


def keccak256(data: bytes | bytearray) -> bytes:
    """32-byte keccak-256 of `data`."""
    return keccak_256(data).digest()


def word(value: int | bytes) -> bytes:
    """One static ABI word.

    Unsigned and signed integers are big-endian two's complement; 20 bytes are an address (left-padded);
    32 bytes are a bytes32. Raises ValueError for anything else, because a silent pad would be ambiguous.
    """
    if isinstance(value, bool):
        raise ValueError("expected an integer or bytes, got a bool: cast it to int first")
    if isinstance(value, int):
        if not -(1 << 255) <= value < 1 << 256:
            raise ValueError(f"expected a 256-bit integer, got {value.bit_length()} bits")
        return (value % (1 << 256)).to_bytes(WORD, "big")
    if len(value) == WORD:
        return bytes(value)
    if len(value) == 20:
        return b"\0" * 12 + value
    raise ValueError(f"expected 20 bytes (address) or 32 bytes, got {len(value)}")


def encode_static(*values: int | bytes) -> bytes:
    """`abi.encode` of static values only: the words one after the other."""
    return b"".join(word(value) for value in values)


_DOMAIN = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


def typed_digest(name: bytes, chain_id: int, contract: bytes, struct: bytes) -> bytes:
    """What is signed of a struct hash (EIP-712): bound to one chain and one contract, whose version is 1."""
    domain = keccak256(encode_static(_DOMAIN, keccak256(name), keccak256(b"1"), chain_id, contract))
    return keccak256(b"\x19\x01" + domain + struct)


def tagged_hash(tag: str, *values: int | bytes) -> bytes:
    """H(tag, values...) = keccak256(abi.encode(string tag, values...)), 32 bytes.

    The tag is ABI's dynamic `string`: its offset stands first, its length and padded bytes last.
    """
    raw = tag.encode("ascii")
    head = word(WORD * (1 + len(values))) + encode_static(*values)
    tail = word(len(raw)) + raw + b"\0" * (-len(raw) % WORD)
    return keccak256(head + tail)
