"""Objects from relays: parallel, each checked by its hash, whoever lies or dies dropped and reported.

Every object has a home among the relays (rendezvous hashing), so that of many clients each asks the same relay first
and the origin uploads it about once. A relay that has served what is at home with it takes over what the slowest ones
still hold: work goes where throughput is.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from threading import Condition

from grail.errors import NoAnswer, ObjectCorrupt, ObjectMissing, ObjectTooLarge, StorageError, TooMuch
from grail.foreign.http import fetch
from grail.foreign.urls import shown
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest
from grail.storage.base import ObjectStore
from grail.telemetry.log import get_logger

CONNECTIONS = 2
"""Downloads from one relay at a time: while one waits, the other fills the link."""
FIRST_SECONDS = 30.0
WHOLE_RATE, LEAST_RATE = 16 << 10, 1 << 10
"""Bytes a second: of a whole object in time, and of a part of one, below which a relay is not waited for."""
HOMES = 2
FAILURES = 2
"""Of a relay in a row before it is dropped for this call; a lie is enough at once."""


@dataclass(slots=True)
class Relay:
    """One relay as this node knows it. `bytes_per_second`: of what it delivered so far; `public`: a stranger's URL."""

    url: str
    delivered: int = 0
    seconds: float = 0.0
    lies: int = 0
    failures: int = 0
    public: bool = False

    @property
    def bytes_per_second(self) -> float:
        """Measured; 0 before the first object."""
        return self.delivered / self.seconds if self.seconds else 0.0

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """One object. Raises ObjectMissing, ObjectTooLarge, ObjectCorrupt, StorageError."""
        began, seconds = time.monotonic(), FIRST_SECONDS + max_bytes / WHOLE_RATE
        try:
            url = f"{self.url}/objects/{digest.hex()}"
            answer = fetch(url, most=max_bytes, seconds=seconds, least_rate=LEAST_RATE, public=self.public)
        except TooMuch as error:
            raise ObjectTooLarge(f"expected at most {max_bytes} bytes for {digest.hex()}: {error}") from error
        except NoAnswer as error:
            raise StorageError(f"{digest.hex()} was not delivered: {error}") from error
        if answer.status == HTTPStatus.NOT_FOUND:
            raise ObjectMissing(f"{shown(self.url)} has no object {digest.hex()}")
        if answer.status != HTTPStatus.OK:
            raise StorageError(f"{shown(self.url)} did not deliver {digest.hex()}: HTTP {answer.status}")
        if keccak256(answer.body) != digest:
            raise ObjectCorrupt(f"{shown(self.url)} delivered other bytes for {digest.hex()}")
        self.delivered += len(answer.body)
        self.seconds += time.monotonic() - began
        return answer.body


class RelayReader:
    """Reads objects from several relays; keeps nothing."""

    def __init__(self, urls: Sequence[str], *, public: bool = False) -> None:
        """`public`: the URLs are a stranger's, and lead to public addresses alone."""
        self.relays = [Relay(url.rstrip("/"), public=public) for url in urls]

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """One object, from its home, else from the others. Raises ObjectMissing where all say that it is not there."""
        return next(self.get_many([(digest, max_bytes)]))

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """Objects (digest, most bytes) in order, downloaded in parallel."""
        call = _Call(self.relays, wanted)
        with ThreadPoolExecutor(CONNECTIONS * len(self.relays), thread_name_prefix="relay") as pool:
            for relay in self.relays:
                for _ in range(min(CONNECTIONS, len(wanted))):
                    pool.submit(call.work, relay)
            try:
                for place in range(len(wanted)):
                    yield call.result(place)
            finally:
                call.stop()


class _Call:
    """What is still to be fetched, by the relay that should, and what has been."""

    def __init__(self, relays: Sequence[Relay], wanted: Sequence[tuple[Digest, int]]) -> None:
        self._wanted = wanted
        self._changed = Condition()
        self._alive = {relay.url for relay in relays}
        self._waiting: dict[str, list[int]] = {relay.url: [] for relay in relays}
        self._refused: list[set[str]] = [set() for _ in wanted]
        self._found: dict[int, bytes | StorageError] = {}
        self._stopped = self._broken = False
        for place in reversed(range(len(wanted))):
            self._waiting[self._homes(place)[0]].append(place)

    def result(self, place: int) -> bytes:
        """Wait for an object. Raises why it cannot be had."""
        with self._changed:
            self._changed.wait_for(lambda: place in self._found or self._broken)
            if place not in self._found:
                raise StorageError(
                    f"{self._wanted[place][0].hex()} could not be downloaded: its relays answer strangely"
                )
            found = self._found[place]
            self._found[place] = b""  # delivered: not kept twice
        if isinstance(found, StorageError):
            raise found
        return found

    def stop(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def work(self, relay: Relay) -> None:
        """Download until everything is there, or this relay is dropped. Whoever waits hears of it, however it ends."""
        whole = False
        try:
            self._work(relay)
            whole = True
        finally:
            if not whole:
                with self._changed:
                    self._broken = True
                    self._changed.notify_all()

    def _work(self, relay: Relay) -> None:
        failed = 0
        while failed < FAILURES and (place := self._next(relay.url)) is not None:
            try:
                self._tell(place, relay.get(*self._wanted[place]))
                failed = 0
            except (ObjectMissing, ObjectTooLarge) as error:
                self._elsewhere(place, relay.url, error)
            except ObjectCorrupt as error:
                relay.lies, failed = relay.lies + 1, FAILURES
                self._elsewhere(place, relay.url, error)
            except StorageError as error:
                relay.failures, failed = relay.failures + 1, failed + 1
                self._elsewhere(place, relay.url, error)
        if failed >= FAILURES:
            get_logger().warning("relay dropped", relay=shown(relay.url), lies=relay.lies, failures=relay.failures)
            self._drop(relay.url)

    def _homes(self, place: int) -> list[str]:
        """Of all relays the two whose hashes with the object are largest (Thaler and Ravishankar 1998): where everybody
        asks first, and who helps out. With two that may ask for it, an origin gives an object at most twice.
        """
        able = self._alive - self._refused[place]
        return sorted(able, key=lambda url: keccak256(url.encode() + self._wanted[place][0]), reverse=True)[:HOMES]

    def _next(self, url: str) -> int | None:
        """The next object at home here, else one of whoever has most left; waits while others may still fail.

        None where nothing is left to do, or this relay was dropped.
        """
        with self._changed:
            while not self._stopped and url in self._alive and len(self._found) < len(self._wanted):
                place = self._own_or_anothers(url)
                if place is not None:
                    return place
                self._changed.wait()
            return None

    def _own_or_anothers(self, url: str) -> int | None:
        if self._waiting[url]:
            return self._waiting[url].pop()
        for other in sorted(self._waiting, key=lambda name: -len(self._waiting[name])):
            for position, place in enumerate(self._waiting[other]):
                if url in self._homes(place):
                    return self._waiting[other].pop(position)
        return None

    def _tell(self, place: int, found: bytes | StorageError) -> None:
        with self._changed:
            self._found[place] = found
            self._changed.notify_all()

    def _elsewhere(self, place: int, url: str, error: StorageError) -> None:
        with self._changed:
            self._refused[place].add(url)
            self._give(place, error)

    def _give(self, place: int, error: StorageError) -> None:
        if self._alive - self._refused[place]:
            self._waiting[self._homes(place)[0]].append(place)
        else:
            self._found[place] = error
        self._changed.notify_all()

    def _drop(self, url: str) -> None:
        """Its work goes to the others; with nobody left, it fails."""
        with self._changed:
            self._alive.discard(url)
            for place in self._waiting.pop(url, []):
                self._give(place, StorageError("no relay is left: are their URLs right?"))
            self._changed.notify_all()


class MirroredStore:
    """A store that is written, and relays that are read where it lacks an object, which it then keeps."""

    def __init__(self, own: ObjectStore, reader: RelayReader) -> None:
        self.own = own
        self._reader = reader

    def put(self, data: bytes) -> Digest:
        """Into the folder; whoever serves it (`grail relay`) makes it public."""
        return self.own.put(data)

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """From the folder, else from relays."""
        return next(iter(self.get_many([(digest, max_bytes)])))

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """In order; what is missing here is downloaded in parallel."""
        missing = [(digest, most) for digest, most in wanted if not self.own.exists(digest)]
        with contextlib.closing(self._reader.get_many(missing)) as arriving:  # type: ignore[type-var]
            expected = [digest for digest, _ in missing]
            for digest, most in wanted:
                if expected and expected[0] == digest:
                    data = next(arriving)
                    self.own.put(data)
                    expected.pop(0)
                    yield data
                else:
                    yield self.own.get(digest, most)

    def exists(self, digest: Digest) -> bool:
        """Is it here?"""
        return self.own.exists(digest)
