"""Objects put to relays, for nodes that others cannot reach: a store whose objects lie at somebody's relay, too."""

import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

from grail.errors import NoAnswer, StorageError
from grail.foreign.http import fetch
from grail.foreign.urls import shown
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address, Digest
from grail.storage.base import ObjectStore
from grail.storage.permits import LASTS_SECONDS, Permit, header
from grail.storage.relays import FIRST_SECONDS, LEAST_RATE
from grail.telemetry.log import get_logger

REASON_BYTES = 4_096


class RelayWriter:
    """Puts objects to one relay, each with a permit. `sign`: the hotkey's signature of a message."""

    def __init__(self, url: str, sign: Callable[[bytes], bytes], chain_id: int, registry: Address) -> None:
        self.url = url.rstrip("/")
        self._sign = sign
        self._chain_id = chain_id
        self._registry = registry

    def put(self, data: bytes) -> None:
        """One object, unless the relay has it. Raises StorageError with the relay's reason."""
        digest, seconds = keccak256(data), FIRST_SECONDS + len(data) / LEAST_RATE
        url = f"{self.url}/objects/{digest.hex()}"
        try:
            if self._has(url):
                return
            ends = int(time.time()) + LASTS_SECONDS
            permit = Permit(self._chain_id, self._registry, digest, len(data), ends)
            told: dict[bytes | str, bytes | str] = {"Authorization": header(ends, self._sign(permit.message()))}
            answer = fetch(url, most=REASON_BYTES, seconds=seconds, method="PUT", body=data, headers=told)
        except NoAnswer as error:
            raise StorageError(f"{digest.hex()} could not be put to {shown(self.url)}: {error}") from error
        if answer.status != HTTPStatus.OK:
            reason = answer.body[:REASON_BYTES].decode(errors="replace")
            raise StorageError(f"{shown(self.url)} does not keep {digest.hex()}: HTTP {answer.status} {reason}")

    def _has(self, url: str) -> bool:
        """Asked with a byte's range: what is there is not sent twice."""
        first = fetch(url, most=1 << 10, seconds=FIRST_SECONDS, headers={"Range": "bytes=0-0"})
        return first.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)


class PublishedStore:
    """A node's own store, and relays that keep what it puts there where others can read it."""

    def __init__(self, own: ObjectStore, relays: Sequence[RelayWriter]) -> None:
        self._own = own
        self._relays = relays

    def put(self, data: bytes) -> Digest:
        """Into the own store, and to every relay. Raises StorageError where not one of them keeps it."""
        digest, problems = self._own.put(data), []
        for relay in self._relays:
            try:
                relay.put(data)
            except StorageError as error:
                get_logger().warning("a relay keeps nothing", relay=shown(relay.url), reason=str(error))
                problems.append(error)
        if len(problems) == len(self._relays):
            raise problems[-1]
        return digest

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """From the own store."""
        return self._own.get(digest, max_bytes)

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """From the own store."""
        return self._own.get_many(wanted)

    def exists(self, digest: Digest) -> bool:
        """Is it in the own store?"""
        return self._own.exists(digest)
