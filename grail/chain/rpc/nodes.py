"""Nodes behind URLs: asked by turns, healthy ones first, again after a pause, and never for ever."""

import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from grail.chain.rpc.faults import PASSING_STATUS, NodeRefused, is_passing
from grail.errors import BadInput, ChainUnavailable, NoAnswer
from grail.foreign.http import fetch
from grail.foreign.parsing import parse_json
from grail.foreign.urls import shown
from grail.telemetry.log import get_logger

CALL_SECONDS = 20.0
MAX_ANSWER_BYTES = 64 << 20
"""A page of logs, at most."""
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
ALL_SECONDS = 60.0
"""For one question, over all its tries."""
LONGEST_REST = 60.0
"""A node that keeps failing is asked again after this at the latest."""
MESSAGE = 300
"""Characters of a node's reason that are kept."""


@dataclass(slots=True)
class RpcNode:
    """One node as we know it. `rests_until`: by the monotonic clock; asked before only where no other is awake."""

    url: str
    failures: int = 0
    rests_until: float = 0.0

    @property
    def name(self) -> str:
        """Its host: the rest of the URL may be a key."""
        return shown(self.url)

    def well(self) -> None:
        """It has answered."""
        self.failures, self.rests_until = 0, 0.0

    def ill(self, now: float, at_least: float) -> None:
        """It has failed: it rests, longer each time."""
        self.failures += 1
        self.rests_until = now + max(at_least, min(LONGEST_REST, FIRST_PAUSE * 2**self.failures))


class _Passing(Exception):
    """Not an answer; perhaps later, or elsewhere."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class Nodes(JSONBaseProvider):
    """A web3 provider over one or more URLs of nodes of one chain.

    `attempts`: tries of a question, read anew each time. What may pass (no answer, nonsense, a limit, a replica that
    lags) is tried again, at another node if there is one; what is an answer, a refusal too, is given back.
    """

    def __init__(self, urls: Sequence[str], attempts: Callable[[], int], sleep: Callable[[float], None] = time.sleep):
        super().__init__()
        self.nodes = [RpcNode(url) for url in urls]
        self._attempts = attempts
        self._sleep = sleep
        self._numbers = itertools.count(1)

    @property
    def name(self) -> str:
        """Hosts of all nodes."""
        return ", ".join(node.name for node in self.nodes)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask until there is an answer. Raises ChainUnavailable after the last try."""
        began, reason, tries = time.monotonic(), "", 0
        most = self._attempts() if any(not node.failures for node in self.nodes) else min(2, self._attempts())
        while tries < max(1, most) and time.monotonic() - began < ALL_SECONDS:
            node = self._best()
            try:
                answer = self._ask(node, method, params)
            except _Passing as passing:
                tries, reason = tries + 1, f"{node.name}: {passing}"
                node.ill(time.monotonic(), passing.after)
                get_logger().debug("node gave no answer", node=node.name, method=method, reason=str(passing))
                if tries < most:
                    self._pause(tries, passing.after)
            else:
                node.well()
                return answer
        raise ChainUnavailable(f"no answer to {method} after {tries} tries ({reason}): is the node running?")

    def _best(self) -> RpcNode:
        """The first that is well; else the one whose rest is over first."""
        now = time.monotonic()
        return min(self.nodes, key=lambda node: max(0.0, node.rests_until - now))

    def _pause(self, tries: int, after: float) -> None:
        """Not while another node is awake; else as long as was asked for, or twice as long each time, by chance."""
        now = time.monotonic()
        if any(node.rests_until <= now for node in self.nodes):
            return
        self._sleep(min(LONGEST_PAUSE, max(after, FIRST_PAUSE * 2**tries * random.uniform(0.5, 1.0))))

    def _ask(self, node: RpcNode, method: str, params: Any) -> RPCResponse:
        number = next(self._numbers)
        asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or []}
        question = json.dumps(asked, default=lambda value: "0x" + bytes(value).hex()).encode()
        headers: dict[bytes | str, bytes | str] = {"content-type": "application/json"}
        try:
            answer = fetch(
                node.url, method="POST", body=question, headers=headers, most=MAX_ANSWER_BYTES, seconds=CALL_SECONDS
            )
        except NoAnswer as error:
            raise _Passing(str(error)) from error
        try:
            said = parse_json(answer.body, "an answer of a node", most=MAX_ANSWER_BYTES)
        except BadInput as error:
            if answer.status != HTTPStatus.OK:
                raise self._refused(answer.status, answer.headers.get("retry-after", "")) from error
            raise _Passing("its answer is no JSON-RPC") from error
        fault = said.get("error") if isinstance(said, dict) else None
        if answer.status in PASSING_STATUS and not isinstance(fault, dict):
            raise self._refused(answer.status, answer.headers.get("retry-after", ""))
        if not isinstance(said, dict) or said.get("id", number) not in (number, None):
            raise _Passing("its answer is no JSON-RPC")
        if fault:
            if answer.status == HTTPStatus.TOO_MANY_REQUESTS or is_passing(fault, method):
                raise _Passing(_message(fault), _seconds(answer.headers.get("retry-after", "")))
            code = fault["code"] if isinstance(fault.get("code"), int) else 0
            told: Any = {"code": code, "message": _message(fault), "data": fault.get("data")}
            return {"jsonrpc": "2.0", "id": number, "error": told}
        if "result" not in said:
            raise _Passing("its answer is no JSON-RPC")
        return {"jsonrpc": "2.0", "id": number, "result": said["result"]}

    def _refused(self, status: int, after: str) -> Exception:
        if status in PASSING_STATUS:
            return _Passing(f"HTTP {status}", _seconds(after))
        text = f"HTTP {status} from {self.name}: is this the URL of a JSON-RPC node?"
        return NodeRefused(text, {"code": status, "message": text})


def _message(error: Any) -> str:
    return str(error.get("message", "") if isinstance(error, dict) else error)[:MESSAGE]


def _seconds(after: str) -> float:
    """Retry-After, as seconds or as a date; 0 for anything else."""
    if after.strip().isdigit():
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
