"""What nodes mean by their errors: their codes are few and shared, so the words decide.

Collected from geth, erigon, reth, nethermind, besu, anvil, Infura, Alchemy, QuickNode, Ankr, Chainstack and Frontier.
"""

from typing import Any

from grail.errors import ChainError

PASSING_STATUS = frozenset((401, 403, 408, 425, 429, *range(500, 600)))
"""HTTP: not now, or not by this node; 401 and 403 are a key that another node may not need."""
PASSING_CODES = frozenset((429, -32005, -32007, -32011, -32016, -32029, -32090, -32097))
PASSING_WORDS = (
    "rate limit", "request rate", "too many requests", "limit exceeded", "limit reached", "request limit", "capacity",
    "quota", "timeout", "timed out", "temporarily", "unavailable", "try again", "overloaded", "busy", "no available",
    "internal error", "server error", "bad gateway", "upstream", "backend", "header not found", "block not found",
    "unknown block", "missing trie node", "not synced", "syncing", "state not available", "cannot query unfinalized",
    "txpool is full", "no response",
)  # fmt: skip
REVERT_WORDS = ("revert", "invalid opcode", "out of gas", "always failing", "vm execution error", "vm exception")
VERDICTS = (*REVERT_WORDS, "insufficient funds", "nonce", "underpriced", "already known")
"""Answers about the question itself: to ask again changes nothing."""
TOO_WIDE_WORDS = (
    "range", "more than", "too large", "too many", "limited to", "results", "response size", "block count",
    "max blocks", "exceed", "is greater than", "blocks", "logs matched", "query timeout", "timed out", "timeout",
)  # fmt: skip
KNOWN_WORDS = ("already known", "alreadyknown", "known transaction", "already imported", "already exists", "duplicate")
NONCE_USED_WORDS = ("nonce too low", "nonce is too low", "oldnonce", "nonce already used", "invalid nonce; got")
UNDERPRICED_WORDS = (
    "underpriced", "fee too low", "feetoolow", "less than block base fee", "lower than block base fee",
    "max fee per gas less", "gas price too low", "gas price below", "effective gas price below",
    "replacement not allowed",
)  # fmt: skip
POOR_WORDS = (
    "insufficient funds",
    "insufficientfunds",
    "insufficient balance",
    "upfront cost exceeds",
    "lack of funds",
)
NOT_OFFERED_CODES = frozenset((-32601, -32004))
NOT_OFFERED_WORDS = ("not supported", "unsupported", "does not exist", "not available", "method not found", "pending")


def says(error: Any, words: tuple[str, ...]) -> bool:
    """Does a JSON-RPC error, or its text, use one of these words?"""
    text = str(error.get("message", "") if isinstance(error, dict) else error).lower()
    return any(word in text for word in words)


def is_passing(error: Any, method: str) -> bool:
    """May the same question be answered a little later, or by another node?"""
    if not isinstance(error, dict):
        return True
    if "data" in error and says(error, ("revert",)):
        return False
    if method == "eth_getLogs" and says(error, TOO_WIDE_WORDS) and not says(error, ("rate", "requests", "project id")):
        return False
    if says(error, VERDICTS):
        return False
    return error.get("code") in PASSING_CODES or says(error, PASSING_WORDS)


class NodeRefused(ChainError):
    """A node answered with an error that asking again does not change. `error`: its code, message and data."""

    def __init__(self, message: str, error: dict[str, Any]) -> None:
        super().__init__(message)
        self.error = error
