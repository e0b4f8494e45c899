"""The one error hierarchy. A message says what was expected, what came, and what to do.

    GrailError
    ├── BadInput            bytes or values from somebody else that break a rule (never our own trouble)
    │   ├── BadSubmission   a miner's blob: shape, size, range, canonical form
    │   └── BadCheckpoint   weights, config or tokenizer that do not match their fingerprint
    ├── ChainError          the chain refused or did not answer
    │   ├── Reverted        a contract said no, and why
    │   ├── WrongChain      another chain id or other contracts than configured
    │   ├── TooLate         cannot be mined before its last block any more
    │   └── ChainUnavailable  node gone; retried, then raised
    ├── NoAnswer            a server that did not answer, not in time, or not as asked
    ├── StorageError        the object store or the database
    │   ├── ObjectMissing   nobody stored that digest (or it was withheld)
    │   ├── ObjectTooLarge  longer than the caller allows
    │   └── ObjectCorrupt   bytes do not hash to their name
    ├── SettingsError       a setting is missing or wrong
    ├── KeyInUse            another process works with the same key
    ├── Contradiction       this key has signed something else on the same thing
    └── Unavailable         a part of this machine is missing: says how to get it
        └── EngineLost      an engine that died again and again: only a new process helps

Cheating is not an error: it is data (`verification.Finding`). Our own trouble is an error, and an audit that
meets one abstains.
"""


class GrailError(Exception):
    """Base of everything Grail raises on purpose."""


class BadInput(GrailError):
    """Bytes or values from outside that break a rule."""


class BadSubmission(BadInput):
    """A submission blob that is truncated, oversized, out of range or not canonical."""


class BadCheckpoint(BadInput):
    """A checkpoint whose bytes do not match what the chain registered."""


class ChainError(GrailError):
    """The chain refused, or could not be reached."""


class Reverted(ChainError):
    """A contract call reverted. `error_name` is the contract's custom error."""

    def __init__(self, message: str, error_name: str = "") -> None:
        super().__init__(message)
        self.error_name = error_name


class WrongChain(ChainError):
    """The node serves another chain, or the addresses hold other code."""


class TooLate(ChainError):
    """A transaction that cannot be mined any more before the last block in which it means anything."""


class ChainUnavailable(ChainError):
    """The node did not answer after bounded retries."""


class NoAnswer(GrailError):
    """A server did not answer in time, or sent too much. Names its host, never the rest of its URL."""


class TooMuch(NoAnswer):
    """A server would send, or sent, more bytes than asked for."""


class StorageError(GrailError):
    """The object store or the database failed."""


class ObjectMissing(StorageError):
    """No object has this digest."""


class ObjectTooLarge(StorageError):
    """The object is longer than the caller's limit."""


class ObjectCorrupt(StorageError):
    """The object's bytes do not hash to its digest."""


class SettingsError(GrailError):
    """A setting is missing or wrong."""


class KeyInUse(GrailError):
    """Another process already works with this key."""


class Contradiction(GrailError):
    """What was to be signed contradicts what this key has signed, or may have signed."""


class Unavailable(GrailError):
    """Something this machine lacks; the message says how to get it."""


class EngineLost(Unavailable):
    """An engine that died again and again. Ends the process: a device may be lost to it, and whoever watches over it
    starts a new one.
    """
