"""What a relay keeps for others: objects that neurons put to it, each with a quota for a day.

It knows a neuron by a function of a signature, not the chain. What it has kept, and for whom, is in a table, so that a
restart forgets no quota.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from sqlalchemy import delete, func, select

from grail.errors import BadInput, GrailError
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address, Digest
from grail.storage.database import Database
from grail.storage.file_store import FileStore
from grail.storage.issued import Issued
from grail.storage.permits import LONGEST_SECONDS, Permit, parsed
from grail.storage.tables import DepositRow

DAY_SECONDS = 24 * 3_600
LARGEST = 64 << 20
"""Bytes of one object: a blob is smaller, and longer files travel in chunks."""
AT_ONCE = 4
"""Objects of one neuron that may be on their way."""

Asker = Callable[[Digest, bytes], Address | None]
"""From a permit's message and its signature to the neuron whose hotkey signed it; None where there is none."""


class Refused(Exception):
    """An object that is not taken: the HTTP status, and why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Deposits:
    """Who may put what."""

    def __init__(
        self,
        database: Database,
        chain_id: int,
        registry: Address,
        neuron_of: Asker,
        quota: int,
        issued: Issued | None = None,
    ) -> None:
        """`quota`: bytes that one neuron may put within a day; `issued`: permits for others than neurons."""
        self.issued = issued
        self._database = database
        self._chain_id = chain_id
        self._registry = registry
        self._neuron_of = neuron_of
        self._quota = quota
        self._arriving: Counter[Address] = Counter()
        self._arriving_bytes: Counter[Address] = Counter()

    def examined(self, digest: Digest, size: str | None, authorization: str | None) -> tuple[Address, int]:
        """The neuron that puts, and the bytes that it announces: all that can be refused before a byte is read.

        Raises Refused.
        """
        if size is None or not size.isdecimal() or not 0 < int(size[:12]) <= LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected Content-Length, 1 to {LARGEST} bytes")
        account = self.issued.redeemed(authorization or "", digest, int(size)) if self.issued else None
        if account is not None:
            return account, int(size)
        try:
            ends, signature = parsed(authorization or "")
        except BadInput as error:
            raise Refused(HTTPStatus.UNAUTHORIZED, str(error)) from None
        now = int(time.time())
        if not now < ends <= now + LONGEST_SECONDS:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                f"expected a permit that ends within {LONGEST_SECONDS} s from {now}, this relay's clock, got {ends}",
            )
        permit = Permit(self._chain_id, self._registry, digest, int(size), ends)
        try:
            neuron = self._neuron_of(permit.message(), signature)
        except GrailError as error:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"cannot ask the chain who signed this: {error}") from None
        if neuron is None:
            raise Refused(HTTPStatus.FORBIDDEN, "expected the signature of an active neuron's hotkey")
        return neuron, int(size)

    @asynccontextmanager
    async def room(self, neuron: Address, size: int) -> AsyncIterator[None]:
        """Room for one object while it arrives. Raises Refused where the neuron's quota or its connections are used."""
        left = self._quota - self._kept(neuron) - self._arriving_bytes[neuron]
        if size > left:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"0x{neuron.hex()} may put {self._quota} bytes a day, and has {max(0, left)} left of them",
            )
        if self._arriving[neuron] >= AT_ONCE:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, f"expected at most {AT_ONCE} objects of a neuron at once")
        self._arriving[neuron] += 1
        self._arriving_bytes[neuron] += size
        try:
            yield
        finally:
            self._arriving[neuron] -= 1
            self._arriving_bytes[neuron] -= size

    def keep(self, store: FileStore, neuron: Address, digest: Digest, data: bytes) -> None:
        """Store and count. Raises Refused where the bytes are others than announced, StorageError."""
        if keccak256(data) != digest:
            raise Refused(HTTPStatus.BAD_REQUEST, f"expected bytes whose keccak-256 is {digest.hex()}, got others")
        if store.exists(digest):
            return
        store.put(data)
        with self._database.session() as session:
            session.execute(delete(DepositRow).where(DepositRow.at <= int(time.time()) - DAY_SECONDS))
            row = DepositRow(neuron="0x" + neuron.hex(), digest=digest.hex(), size=len(data), at=int(time.time()))
            session.add(row)

    def _kept(self, neuron: Address) -> int:
        """Bytes that a neuron has put within the last day."""
        since = int(time.time()) - DAY_SECONDS
        wanted = select(func.coalesce(func.sum(DepositRow.size), 0)).where(
            DepositRow.neuron == "0x" + neuron.hex(), DepositRow.at > since
        )
        with self._database.session() as session:
            return int(session.execute(wanted).scalar_one())
