"""Work that a node sets itself, outside of any window: to calibrate, to measure, to study."""

from collections.abc import Sequence

from grail.environments.base import Environment, Problem
from grail.environments.dialogue import Dialogue
from grail.governance.policy import BY_NAME
from grail.inference.base import RolloutRequest
from grail.inference.text import TextCodec
from grail.protocol.hashing import keccak256

MOST_OBSERVED = BY_NAME["max_observed_tokens"].default
"""Outside of a window no vote bounds what the world says."""


def own_dialogues(codec: TextCodec, environment: Environment, problems: Sequence[Problem]) -> list[Dialogue]:
    """One for each problem."""
    return [Dialogue(environment, p, codec, codec.encode(p.prompt), MOST_OBSERVED) for p in problems]


def own_requests(
    codec: TextCodec, environment: Environment, purpose: bytes, count: int, size: int
) -> list[RolloutRequest]:
    """`count` requests in groups of `size` on one problem, as miners get them; other problems for every `purpose`."""
    keys = [keccak256(purpose + number.to_bytes(8, "big")) for number in range(count)]
    asked = own_dialogues(codec, environment, [environment.problem(key) for key in keys[::size]])
    return [request_of(asked[place // size], key) for place, key in enumerate(keys)]


def request_of(dialogue: Dialogue, key: bytes) -> RolloutRequest:
    """A rollout of this dialogue."""
    return RolloutRequest(dialogue.prompt, key, dialogue.world)
