"""Where the objects of others lie: in the own store, else where their owner's registered endpoint says."""

from collections.abc import Iterator, Sequence

from grail.chain.subnet import Subnet
from grail.errors import ObjectCorrupt, ObjectMissing, ObjectTooLarge, StorageError
from grail.protocol.units import Address, Digest
from grail.storage.base import ObjectStore
from grail.storage.relays import MirroredStore, RelayReader

MOST_ENDPOINTS = 4
READABLE = ("http://", "https://")


def endpoints_of(subnet: Subnet, neuron: Address) -> list[str]:
    """Relays that serve a neuron's objects, as it has registered them; anything else in its endpoint is left out."""
    return urls_in(subnet.endpoint_of(neuron))


def urls_in(endpoint: str) -> list[str]:
    """The relays that a registered endpoint names."""
    told = [part.strip() for part in endpoint.split(",")]
    return [url for url in told if url.startswith(READABLE)][:MOST_ENDPOINTS]


class ObjectsOf:
    """The objects of one neuron: found without anybody's settings, and kept in the own store once they are read.

    `witnesses`: who has read them, too. What is asked for is a digest, so it does not matter who delivers it, and
    nobody gets out of a case by taking away what it is about.

    An endpoint that does not answer is a missing object: else whoever sees that an audit would convict it took its
    endpoint away, and nobody could accuse it.
    """

    def __init__(
        self, subnet: Subnet, own: ObjectStore, owner: Address, *, witnesses: Sequence[Address] = (), private: bool
    ) -> None:
        """`private`: endpoints in private networks and on this machine are read, too."""
        self._subnet = subnet
        self._own = own
        self._owner = owner
        self._asked = dict.fromkeys((owner, *witnesses))
        self._private = private

    def put(self, data: bytes) -> Digest:
        """Into the own store."""
        return self._own.put(data)

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """One object. Raises ObjectMissing, ObjectTooLarge, ObjectCorrupt; StorageError for the own store's trouble."""
        return next(iter(self.get_many([(digest, max_bytes)])))

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """Objects (digest, most bytes) in their order."""
        urls = list(dict.fromkeys(url for neuron in self._asked for url in endpoints_of(self._subnet, neuron)))
        if not urls:
            yield from self._own.get_many(wanted)
            return
        try:
            yield from MirroredStore(self._own, RelayReader(urls, public=not self._private)).get_many(wanted)
        except (ObjectMissing, ObjectTooLarge, ObjectCorrupt):
            raise
        except StorageError as error:
            raise ObjectMissing(f"the endpoint of 0x{self._owner.hex()} does not deliver: {error}") from error

    def exists(self, digest: Digest) -> bool:
        """Is it in the own store?"""
        return self._own.exists(digest)
