"""Permits that a relay gives out itself, to callers whom it knows by other signatures than a neuron's.

Such a caller asks first, in a small request that it signs, and is told what to put on its object: so an object that
nobody may put is refused before a byte of it is read, whatever the caller's signature covers.
"""

import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from grail.errors import BadInput, GrailError
from grail.foreign.parsing import parse_json
from grail.protocol.units import Address, Digest
from grail.storage.permits import LASTS_SECONDS

MOST_BYTES = 1_024
"""Of a request for a permit."""
_HEADER = re.compile(r"Relay ([1-9][0-9]{0,11}):([0-9a-f]{40}):([0-9a-f]{64})")
_HEX = re.compile(r"[0-9a-f]{64}")

Caller = Callable[[Mapping[str, str], bytes], Address]
"""From a request's headers and body to the account whose quota it uses. Raises BadInput for who is not known."""


class Issued:
    """Permits of this process: a restart forgets them, and callers ask again."""

    def __init__(self, caller: Caller, name: str) -> None:
        """`name`: whom callers address their requests to."""
        self.name = name
        self._caller = caller
        self._secret = secrets.token_bytes(32)

    def give(self, headers: Mapping[str, str], body: bytes) -> str:
        """The value of `Authorization` for the object that a request names. Raises BadInput."""
        account = self._caller(headers, body)
        asked = parse_json(body, "a request for a permit", most=MOST_BYTES)
        digest, size = (asked.get(name) if isinstance(asked, dict) else None for name in ("digest", "size"))
        if not isinstance(digest, str) or not _HEX.fullmatch(digest) or type(size) is not int or size < 1:
            raise BadInput('expected {"digest": 64 hex digits, "size": bytes}')
        ends = int(time.time()) + LASTS_SECONDS
        return f"Relay {ends}:{account.hex()}:{self._mac(ends, account, bytes.fromhex(digest), size)}"

    def redeemed(self, value: str, digest: Digest, size: int) -> Address | None:
        """The account that puts this object by a permit of ours; None where it is none, another's, or over."""
        found = _HEADER.fullmatch(value)
        if found is None or int(found[1]) <= time.time():
            return None
        account = bytes.fromhex(found[2])
        return account if hmac.compare_digest(found[3], self._mac(int(found[1]), account, digest, size)) else None

    def _mac(self, ends: int, account: Address, digest: Digest, size: int) -> str:
        said = ends.to_bytes(8, "big") + account + digest + size.to_bytes(8, "big")
        return hmac.digest(self._secret, said, "sha256").hex()


def status_of(error: GrailError) -> HTTPStatus:
    """Of a request for a permit that was not granted."""
    return HTTPStatus.UNAUTHORIZED if isinstance(error, BadInput) else HTTPStatus.SERVICE_UNAVAILABLE
