"""Objects in a bucket: S3 and everything that speaks its language."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from grail.errors import ObjectCorrupt, ObjectMissing, ObjectTooLarge, SettingsError, StorageError, Unavailable
from grail.foreign.urls import shown
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

SCHEME = "s3://"
OPTIONS = ("endpoint", "region")
PROBE = b"grail: may this key read what it has written?"
STREAMS = 8
"""Objects fetched at once: a bucket answers many requests as fast as one."""


class BucketStore:
    """`s3://BUCKET/PREFIX?endpoint=https://…&region=…`; keys come from AWS_ACCESS_KEY_ID and its like, or the machine.

    An object is written under its digest in one request, so it is there whole or not at all.
    """

    def __init__(self, url: str) -> None:
        """Raises SettingsError for a URL that says nothing, Unavailable without the client library."""
        try:
            import obstore
            from obstore.exceptions import BaseError, PermissionDeniedError
            from obstore.store import S3Store
        except ImportError as error:
            raise Unavailable("obstore is not installed: pip install 'grail-network[s3]'") from error
        parts = urlsplit(url)
        told = dict(parse_qsl(parts.query))
        if not url.startswith(SCHEME) or not parts.netloc or set(told) - set(OPTIONS):
            raise SettingsError(f"expected s3://BUCKET/PREFIX with {' and '.join(OPTIONS)} at most, got {url!r}")
        self._library: Any = obstore
        self._errors = BaseError
        self._denied = PermissionDeniedError
        self._own: Digest | None = None
        self._url = url
        plain = told.get("endpoint", "").startswith("http://")
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options={"allow_http": plain},
            **told,  # type: ignore[arg-type]
        )

    def put(self, data: bytes) -> Digest:
        """Store under the digest of `data`."""
        digest = keccak256(data)
        try:
            if not self.exists(digest):
                self._library.put(self._store, self._path(digest), data)
            self._own = digest
        except (self._errors, FileNotFoundError) as error:  # the second: no such bucket
            raise self._failed("store", digest, error) from error
        return digest

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """Fetch at most `max_bytes` and check the digest."""
        try:
            answer = self._library.get(self._store, self._path(digest))
            size = answer.meta["size"]
            if size > max_bytes:
                raise ObjectTooLarge(f"expected at most {max_bytes} bytes for {digest.hex()}, got {size}")
            data = bytes(answer.bytes())
        except FileNotFoundError as error:
            raise ObjectMissing(f"no object {digest.hex()} in {shown(self._url)}: was it uploaded?") from error
        except self._denied as error:
            raise self._denied_or_missing(digest, error) from error
        except self._errors as error:
            raise self._failed("read", digest, error) from error
        if keccak256(data) != digest:
            raise ObjectCorrupt(f"object {digest.hex()} in {shown(self._url)} holds other bytes: put it there again")
        return data

    def _denied_or_missing(self, digest: Digest, error: Exception) -> StorageError:
        """Without the right to list a bucket, S3 answers 403 for what is not there. It is missing where these keys can
        still read an object that they have written, so that keys that have expired never look like a withheld object.
        """
        try:
            own = self._own if self._own is not None else self.put(PROBE)
            self._library.head(self._store, self._path(own))
        except (StorageError, FileNotFoundError, self._errors):
            return self._failed("read", digest, error)
        return ObjectMissing(f"no object {digest.hex()} in {shown(self._url)}, where this key may not list (403)")

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """Some ahead of the one that is asked for, never all of them."""
        with ThreadPoolExecutor(STREAMS) as pool:
            running = []
            for digest, max_bytes in wanted:
                running.append(pool.submit(self.get, digest, max_bytes))
                if len(running) == STREAMS:
                    yield running.pop(0).result()
            for one in running:
                yield one.result()

    def exists(self, digest: Digest) -> bool:
        """Is it there? No, too, where only somebody who may list the bucket could tell."""
        try:
            self._library.head(self._store, self._path(digest))
        except (FileNotFoundError, self._denied):
            return False
        except self._errors as error:
            raise self._failed("look for", digest, error) from error
        return True

    @staticmethod
    def _path(digest: Digest) -> str:
        name = digest.hex()
        return f"{name[:2]}/{name}"

    def _failed(self, what: str, digest: Digest, error: Exception) -> StorageError:
        reason = str(error).splitlines()[0]
        return StorageError(
            f"could not {what} object {digest.hex()} in {shown(self._url)} ({reason}): check the bucket, its keys"
        )
