"""A proxy in front of a real node that answers as bad nodes do: every kind of fault, by lot or for a while.

with FaultProxy(url) as proxy:                     # proxy.url
    proxy.draw = by_lot(0.2, seed=7)               # a kind of fault, or None, for each question
    proxy.draw = lambda method: "429"
"""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.chain.speaking import Handler, failed, serving

Draw = Callable[[str], str | None]
FAILED = {
    "rate": {"code": -32005, "message": "limit exceeded"},
    "timeout": {"code": -32000, "message": "request timed out"},
    "no-header": {"code": -32000, "message": "header not found"},
    "too-many-logs": {"code": -32005, "message": "query returned more than 10000 results"},
}
KNOWN = {"code": -32000, "message": "already known"}
KINDS = (
    "429", "429-later", "502", "503", "504", "html", "truncated", "cut", "cut-after", "rate", "timeout", "no-header",
    "old-head", "short-logs", "too-many-logs", "known", "hang",
)  # fmt: skip
"""cut-after: the node has done what it was asked, and the answer is lost. old-head, short-logs: a replica that lags."""
BY_METHOD = {
    "old-head": ("eth_blockNumber", "eth_getBlockByNumber"),
    "short-logs": ("eth_getLogs",),
    "too-many-logs": ("eth_getLogs",),
    "known": ("eth_sendRawTransaction",),
    "cut-after": ("eth_sendRawTransaction", "eth_call"),
}
HANG_SECONDS = 1.0
OWN_PART = 0.75


def by_lot(share: float, seed: int) -> Draw:
    """A fault on this share of all questions; of methods that have kinds of their own, mostly those."""
    dice, lock = random.Random(seed), threading.Lock()

    def draw(method: str) -> str | None:
        with lock:
            if dice.random() >= share:
                return None
            own = [kind for kind, methods in BY_METHOD.items() if method in methods]
            general = [kind for kind in KINDS if kind not in BY_METHOD]
            return dice.choice(own if own and dice.random() < OWN_PART else general)

    return draw


class FaultProxy:
    """`counts`: faults by kind; `calls`: questions."""

    def __init__(self, upstream: str, draw: Draw = lambda _: None) -> None:
        self.draw = draw
        self.counts: Counter[str] = Counter()
        self.calls = 0
        self._place = urlsplit(upstream)
        self._lock = threading.Lock()
        self._local = threading.local()
        self._server, self.url = serving(self._handler())

    def __enter__(self) -> "FaultProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def upstream(self, url: str) -> None:
        """Another node."""
        self._place = urlsplit(url)

    def forward(self, body: bytes) -> bytes:
        """The node's own answer."""
        for _ in range(2):
            line = getattr(self._local, "line", None)
            if line is None:
                line = self._local.line = http.client.HTTPConnection(self._place.hostname, self._place.port, timeout=60)
            try:
                line.request("POST", "/", body, {"Content-Type": "application/json"})
                return line.getresponse().read()
            except (OSError, http.client.HTTPException):
                self._local.line = None
        raise ConnectionError("the node is gone")

    def _count(self, kind: str | None) -> None:
        with self._lock:
            self.calls += 1
            if kind is not None:
                self.counts[kind] += 1

    def _handler(self) -> type[Handler]:
        proxy = self

        class Failing(Handler):
            def do_POST(self) -> None:
                body = self.body()
                question = json.loads(body)
                kind = proxy.draw(question["method"])
                proxy._count(kind)
                if kind in ("429", "429-later", "502", "503", "504"):
                    more = {"Retry-After": "1"} if kind == "429-later" else {}
                    return self.say(int(kind[:3]), b"slow down", more)
                if kind == "html":
                    return self.say(200, b"<html>maintenance</html>")
                if kind == "hang":
                    time.sleep(HANG_SECONDS)
                if kind in ("cut", "hang"):
                    return self.cut()
                if kind in FAILED:
                    return self.say(200, failed(question["id"], FAILED[kind]))
                answer = proxy.forward(body)
                if kind == "cut-after":
                    return self.cut()
                if kind == "known":
                    answer = failed(question["id"], KNOWN)
                if kind == "truncated":
                    answer = answer[: len(answer) // 2]
                if kind in ("old-head", "short-logs"):
                    answer = _lagging(kind, answer)
                return self.say(200, answer)

        return Failing


def _lagging(kind: str, answer: bytes) -> bytes:
    """What a replica says that has not seen the newest blocks."""
    said = json.loads(answer)
    found = said.get("result")
    if kind == "short-logs" and isinstance(found, list):
        said["result"] = found[: len(found) // 2]
    if kind == "old-head" and isinstance(found, str):
        said["result"] = hex(max(0, int(found, 16) - 2))
    return json.dumps(said).encode()
