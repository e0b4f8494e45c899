"""Keys [C]: beacon → problem key → rollout key → sketch seed → challenge → audit key, proof seed (spec section 2)."""

from collections.abc import Sequence

from grail.protocol import constants as c
from grail.protocol.hashing import tagged_hash
from grail.protocol.units import Address, Digest, WindowId


def seed(block_hash: Digest, randomness: Digest) -> Digest:
    """Stands in for the block hash of beacon and challenge where a drand round's `randomness` is mixed in."""
    return tagged_hash(c.TAG_SEED, block_hash, randomness)


def beacon(chain_id: int, ledger: Address, window: WindowId, block_hash: Digest) -> Digest:
    """Public randomness of a window; `block_hash` is that of the window's first block.

    The last four bytes are zero: the ledger counts commitments there.
    """
    return tagged_hash(c.TAG_BEACON, chain_id, ledger, window, block_hash)[:28] + bytes(4)


def challenge(chain_id: int, ledger: Address, window: WindowId, block_hash: Digest) -> Digest:
    """Randomness that exists only after the commit deadline; `block_hash` is that of deadline + 1."""
    return tagged_hash(c.TAG_CHALLENGE, chain_id, ledger, window, block_hash)


def problem_key(beacon_w: Digest, miner: Address, group: int) -> Digest:
    """Key of the problem that `miner` has to solve as its group number `group`."""
    return tagged_hash(c.TAG_PROBLEM, beacon_w, miner, group)


def environment_index(key: Digest, weights: Sequence[int]) -> int:
    """Which environment of the governed mix a problem key mandates.

    `weights` are non-negative integers with a positive sum. The modulo's bias is under 2^-190.
    Raises ValueError on an empty mix.
    """
    total = sum(weights)
    if total <= 0:
        raise ValueError("expected an environment mix with a positive total weight: set one in RewardPolicy")
    ticket = int.from_bytes(tagged_hash(c.TAG_ENVIRONMENT, key), "big") % total
    for index, weight in enumerate(weights):
        if ticket < weight:
            return index
        ticket -= weight
    raise AssertionError("unreachable: the ticket is below the total weight")


def rollout_key(key: Digest, fingerprint: Digest, rules_hash: Digest, index: int) -> Digest:
    """Key of rollout `index` of a group: another checkpoint or other rules mean other noise."""
    return tagged_hash(c.TAG_ROLLOUT, key, fingerprint, rules_hash, index)


def sketch_seed(beacon_w: Digest) -> Digest:
    """Seed of the window's sketch matrix."""
    return tagged_hash(c.TAG_SKETCH, beacon_w)


def audit_key(challenge_w: Digest, validator: Address) -> Digest:
    """Key of the order in which `validator` opens leaves."""
    return tagged_hash(c.TAG_AUDIT, challenge_w, validator)


def proof_seed(challenge_w: Digest, validator: Address) -> Digest:
    """Seed of the matrix under which `validator` shows the states that it has replayed: nobody else's."""
    return tagged_hash(c.TAG_PROOF, challenge_w, validator)


def rules_hash(
    environment_version: Digest, tokenizer: Digest, chat_template: Digest, temperature_milli: int, max_tokens: int
) -> Digest:
    """Hash of everything besides the weights that shapes a rollout."""
    return tagged_hash(c.TAG_RULES, environment_version, tokenizer, chat_template, temperature_milli, max_tokens)


def turn_rules_hash(rules: Digest, bridge: Digest, max_turn_tokens: int, most_characters: int) -> Digest:
    """The same for an environment of turns: `rules` is what it would be for one turn, `bridge` the digest of what
    stands around the world's answers, each of at most `most_characters`.
    """
    return tagged_hash(c.TAG_TURNS, rules, bridge, max_turn_tokens, most_characters)
