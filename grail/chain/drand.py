"""drand: the network that windows may draw from, and the relays that publish its rounds.

A drand network of the scheme bls-unchained-g1-rfc9380 signs one number every few seconds with a key that its members
share; nobody can know a round's signature before a threshold of them signs it. Contracts verify signatures
(DrandBeacon.sol), so a relay is believed nothing: a wrong answer is refused on chain and the next relay asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from grail.errors import BadInput, NoAnswer
from grail.foreign.http import fetch
from grail.foreign.parsing import parse_json
from grail.foreign.urls import shown
from grail.telemetry.log import get_logger

MAX_ANSWER_BYTES = 4096
TIMEOUT_SECONDS = 5.0
SIGNATURE_BYTES = 48


@dataclass(frozen=True, slots=True)
class DrandNetwork:
    """What DrandBeacon is deployed with. `public_key`: a point of G2 in 256 bytes as EIP-2537 writes it.

    `genesis`: Unix time of round 1; `period`: seconds between rounds; `delay`: seconds from a call on chain to the
    round that answers it, longer than a block's time may lag behind the clock.
    """

    public_key: bytes
    genesis: int
    period: int
    delay: int


QUICKNET = DrandNetwork(
    public_key=bytes.fromhex(
        "000000000000000000000000000000000d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e"
        "76eae8991ef5ece45a0000000000000000000000000000000003cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760"
        "183c8c4b450b6a0a6c3ac6a5776a2d106451000000000000000000000000000000000e5db2b6bfbb01c867749cadffca88b36c24f3012b"
        "a09fc4d3022c5c37dce0f977d3adb5d183c7477c442b1f045152730000000000000000000000000000000001a714f2edb74119a2f2b0d5"
        "a7c75ba902d163700a61bc224ededd8e63aef7be1aaf8e93d7a9718b047ccddb3eb5d68b"
    ),
    genesis=1_692_803_367,
    period=3,
    delay=30,
)
"""The League of Entropy's network of three seconds; its key is part of its chain information."""

QUICKNET_HASH = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
QUICKNET_RELAYS = tuple(
    f"{host}/{QUICKNET_HASH}"
    for host in ("https://api.drand.sh", "https://drand.cloudflare.com", "https://api2.drand.sh")
)


class DrandRelays:
    """HTTP relays of one drand network."""

    def __init__(self, urls: Sequence[str] = ()) -> None:
        """`urls`: up to and with the network's chain hash; quicknet's where none are given."""
        self._urls = urls or QUICKNET_RELAYS

    def signatures(self, number: int) -> Iterator[bytes]:
        """What each relay gives as round `number`'s signature, in turn; relays that give none are passed over."""
        for url in self._urls:
            try:
                yield _signature(_get(f"{url}/public/{number}"), number)
            except (NoAnswer, BadInput, ValueError) as error:
                get_logger().info("drand relay gave no round", relay=shown(url), round=number, reason=str(error))


def _get(url: str) -> Any:
    answer = fetch(url, most=MAX_ANSWER_BYTES, seconds=TIMEOUT_SECONDS)
    if answer.status != HTTPStatus.OK:
        raise NoAnswer(f"{shown(url)} answers HTTP {answer.status}")
    return parse_json(answer.body, "a drand round", most=MAX_ANSWER_BYTES)


def _signature(answer: Any, number: int) -> bytes:
    if not isinstance(answer, dict) or answer.get("round") != number or not isinstance(answer.get("signature"), str):
        raise ValueError(f"expected round {number} with its signature")
    signature = bytes.fromhex(answer["signature"])
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}")
    return signature
