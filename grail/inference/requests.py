"""Work that a node sets itself, outside of any window: to calibrate, to measure, to study."""

from grail.environments.base import Environment
from grail.inference.base import RolloutRequest
from grail.inference.text import TextCodec
from grail.protocol.hashing import keccak256


def own_requests(
    codec: TextCodec, environment: Environment, purpose: bytes, count: int, size: int
) -> list[RolloutRequest]:
    """`count` requests in groups of `size` on one prompt, as miners get them; other problems for every `purpose`."""
    keys = [keccak256(purpose + number.to_bytes(8, "big")) for number in range(count)]
    prompts = [codec.encode(environment.problem(key).prompt) for key in keys[::size]]
    return [RolloutRequest(prompts[place // size], key) for place, key in enumerate(keys)]
