"""A drand network of one for tests: signs any round with a known secret and serves it over HTTP, as relays do."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1
from py_ecc.optimized_bls12_381 import G2, multiply, normalize

from grail.chain.drand import DrandNetwork

SECRET = 0xD7A4D
TAG = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def network() -> DrandNetwork:
    """The network as a deployment takes it: a round a second, in the past for any chain."""
    point = normalize(multiply(G2, SECRET))
    key = b"".join(int(part).to_bytes(64, "big") for coordinate in point for part in coordinate.coeffs)
    return DrandNetwork(public_key=key, genesis=1_600_000_000, period=1, delay=2)


def sign(number: int) -> bytes:
    """A round's signature."""
    message = hashlib.sha256(number.to_bytes(8, "big")).digest()
    return compress_G1(multiply(hash_to_G1(message, TAG, hashlib.sha256), SECRET)).to_bytes(48, "big")


def honest(number: int) -> bytes:
    """What a relay answers about a round."""
    return json.dumps({"round": number, "randomness": "", "signature": sign(number).hex()}).encode()


def liar(number: int) -> bytes:
    """Another round's signature under this round's name."""
    return json.dumps({"round": number, "signature": sign(number + 1).hex()}).encode()


@contextmanager
def relay(answer: Callable[[int], bytes]) -> Iterator[str]:
    """The URL of a relay that answers `GET /public/ROUND`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(int(self.path.removeprefix("/public/")))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
