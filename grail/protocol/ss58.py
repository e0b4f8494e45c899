"""Public keys as Substrate chains write them: base58 of a prefix, the key and two bytes of a checksum.

Source: https://docs.substrate.io/reference/address-formats (42 is the generic prefix, which Bittensor uses).
"""

from hashlib import blake2b

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
PREFIX = bytes([42])


def ss58(key: bytes) -> str:
    """The address of a public key, 32 bytes."""
    body = PREFIX + key
    number = int.from_bytes(body + blake2b(b"SS58PRE" + body).digest()[:2], "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return digits
