"""Keys: encrypted eth keystore files → signers. A private key is never printed, logged, or written in plain."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grail.chain.signing_history import SigningHistory
from grail.errors import SettingsError
from grail.foreign.files import read_object
from grail.protocol.units import Address

if TYPE_CHECKING:
    from eth_account.signers.base import BaseAccount

ANVIL_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Anvil's published first development key: rich on development nodes, worthless anywhere else."""

KEYSTORE_VERSION = 3
SCRYPT_BLOCK, MOST_MEMORY, MOST_ROUNDS = 128, 1 << 30, 1 << 24
"""Of key derivation: scrypt takes 128 n r bytes (wallets 256 MiB), PBKDF2 `c` rounds (wallets a million at most)."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who can sign. The key shows in no repr.

    account: any of eth_account's: one whose key lies elsewhere (a hardware module, a signing server) fits, too.
    history: what the key has stated; whoever states something through `Subnet` is held to it.
    """

    address: Address
    account: "BaseAccount" = field(repr=False, compare=False)
    history: SigningHistory | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_key(cls, private_key: bytes) -> "Signer":
        """From 32 raw bytes."""
        from eth_account import Account

        account = Account.from_key(private_key)
        return cls(bytes.fromhex(account.address[2:]), account)

    def secret(self, text: str) -> bytes:
        """65 bytes that only this key can give for `text`: a deterministic signature (RFC 6979, EIP-191)."""
        from eth_account.messages import encode_defunct

        return bytes(self.account.sign_message(encode_defunct(text=text)).signature)

    def sign_hash(self, digest: bytes) -> bytes:
        """65-byte signature (r, s, v) of a 32-byte hash that already names its purpose (EIP-712)."""
        from hexbytes import HexBytes

        return bytes(self.account.unsafe_sign_hash(HexBytes(digest)).signature)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """Checksummed 0x address."""
        return self.account.address


def checksummed(address: Address) -> str:
    """0x and the address with its checksum (EIP-55), as signers are named."""
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(address))


def recovered(digest: bytes, signature: bytes) -> Address | None:
    """Who signed a 32-byte hash with `Signer.sign_hash`; None where the 65 bytes are no signature."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    try:
        found = Signature(signature[:64] + bytes([signature[64] - 27])).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return found.to_canonical_address()


def create_keystore(path: Path, password: str) -> Signer:
    """Make a new key and write it encrypted, readable by the owner only. Raises SettingsError when the file exists."""
    from eth_account import Account

    account = Account.create()
    text = json.dumps(Account.encrypt(account.key, password))
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        if path.exists():
            raise SettingsError(
                f"expected no file at {path}: a key is never overwritten; choose another path"
            ) from None
        raise SettingsError(f"could not write a keystore to {path} ({error.strerror}): is it writable?") from error
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return Signer.from_key(bytes(account.key))


def _bounded(kdf: Mapping[str, Any]) -> None:
    """Raises ValueError where deriving the key would take more memory or time than any honest keystore."""
    if SCRYPT_BLOCK * kdf.get("n", 0) * kdf.get("r", 0) > MOST_MEMORY or kdf.get("c", 0) > MOST_ROUNDS:
        raise ValueError("its key derivation asks for more memory or time than any wallet's")


def load_keystore(path: Path, password: str) -> Signer:
    """Decrypt a keystore file. Raises SettingsError for a missing file, a wrong format or a wrong password."""
    from eth_account import Account

    found = read_object(path, "a keystore file", "make one with `grail keys new`")
    if found.get("version") != KEYSTORE_VERSION:
        raise SettingsError(f"expected a keystore of version {KEYSTORE_VERSION} at {path}: `grail keys new` makes one")
    try:
        _bounded(found["crypto"]["kdfparams"])
        return Signer.from_key(bytes(Account.decrypt(found, password)))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise SettingsError(
            f"could not decrypt {path} ({error}): is this the right password and a V3 keystore?"
        ) from None
