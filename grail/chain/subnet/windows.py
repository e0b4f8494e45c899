"""Windows: their number, policy, environments, beacon and challenge; and how events of a window are found."""

from collections.abc import Callable
from dataclasses import dataclass

from grail.chain.accounts import Signer
from grail.chain.address_book import AddressBook
from grail.chain.base import Chain, Receipt
from grail.chain.contract import ChainEvent
from grail.chain.deployment import open_contracts
from grail.chain.subnet.remembered import Remembered
from grail.errors import ChainError, ChainUnavailable, SettingsError
from grail.governance.policy import BY_NAME, PARAMETERS, Floors, Policy
from grail.protocol import keys
from grail.protocol.committee import Place
from grail.protocol.leaf import environment_digest
from grail.protocol.records import CheckpointRecord, Moment
from grail.protocol.schedule import Schedule
from grail.protocol.units import Address, BlockNumber, CheckpointVersion, Digest, WindowId

PAGE = 256
UNLIMITED = 2**256 - 1
WINDOWS = 256
"""That are remembered: twice as many as evidence of an epoch and the disputes about it reach back."""
LISTS = 1_024
"""Lists of events: two to four a window."""


@dataclass(frozen=True, slots=True)
class EnvironmentMix:
    """The governed mix of one window: ids, their digests, integer weights, what a token earns in thousandths."""

    ids: tuple[str, ...]
    digests: tuple[Digest, ...]
    weights: tuple[int, ...]
    rewards: tuple[int, ...]

    def mandated(self, problem_key: Digest) -> Digest:
        """Digest of the environment that a problem key draws."""
        return self.digests[keys.environment_index(problem_key, self.weights)]

    def reward_milli(self, environment: Digest) -> int:
        """What a verified token of this environment earns, in thousandths of the base rate."""
        return self.rewards[self.digests.index(environment)]


@dataclass(frozen=True, slots=True)
class Round:
    """A drand round that a window waits for; `published_at` in Unix seconds."""

    number: int
    published_at: int


class Windows:
    """The network's clock and its rules."""

    def __init__(self, chain: Chain, book: AddressBook) -> None:
        """Raises WrongChain when the chain is not the book's."""
        self.chain = chain
        self.book = book
        self.contracts = open_contracts(chain, book)
        self._token = self.contracts["GrailToken"]
        self._policy = self.contracts["RewardPolicy"]
        self._ledger = self.contracts["RolloutLedger"]
        self._board = self.contracts["ScoreBoard"]
        self.schedule = Schedule(**self._ledger.call("schedule"))
        self._policies: Remembered[int, Policy] = Remembered(WINDOWS)
        self._mixes: Remembered[int, EnvironmentMix] = Remembered(WINDOWS)
        self._beacons: Remembered[int, Digest] = Remembered(WINDOWS)
        self._events: Remembered[tuple[str, str, int], list[ChainEvent]] = Remembered(LISTS)
        self._looked: dict[tuple[str, int], list[ChainEvent]] = {}
        self._active: Remembered[int, CheckpointVersion] = Remembered(WINDOWS)
        self._records: dict[int, CheckpointRecord] = {}
        self._lines: Remembered[int, tuple[Place, ...]] = Remembered(WINDOWS)
        self._pledged: list[tuple[int, Address, int]] = []
        self._pledges_read: int = book.first_block - 1

    def forget(self) -> None:
        """Blocks have left the chain: nothing that was remembered of it counts any more."""
        remembered = (self._policies, self._mixes, self._beacons, self._events, self._looked, self._active)
        for memory in (*remembered, self._records, self._lines):
            memory.clear()
        self._pledged, self._pledges_read = [], self.book.first_block - 1

    @property
    def ledger_address(self) -> Address:
        """Address that beacons and challenges are bound to."""
        return self._ledger.address

    def current_window(self) -> WindowId | None:
        """Window of the newest block; None before genesis. A new look: lists that are not final are read again."""
        self._looked.clear()
        head = self.chain.head().number
        return self.schedule.window_of(head) if head >= self.schedule.genesis else None

    def clock(self) -> int:
        """Blocks without the paused ones: what every deadline outside the windows is measured by."""
        return self.contracts["PauseSwitch"].call("clock")

    def policy(self, window: WindowId) -> Policy:
        """Governed values that hold in a window that has begun."""
        if window not in self._policies:
            self._policies[window] = self._policy_at(self.schedule.start(window))
        return self._policies[window]

    def latest_policy(self) -> Policy:
        """Governed values as they stand now: what bonds and deadlines of new disputes follow."""
        return self._policy_at(self.chain.head().number)

    def floors(self) -> Floors:
        """What no vote can change in this network."""
        return Floors(self._policy.call("phaseFloor"), self._policy.call("windowBlocks"))

    def _policy_at(self, block: int) -> Policy:
        found, values = self._policy.call("allAt", block)
        by_key = {parameter.key: parameter.name for parameter in PARAMETERS}
        named = {by_key[key]: value for key, value in zip(found, values, strict=True) if key in by_key}
        if len(named) != len(BY_NAME):
            raise SettingsError("expected the network's policy to have this version's parameters: update Grail")
        return Policy(**named)

    def environments(self, window: WindowId) -> EnvironmentMix:
        """Environment mix that holds in a window that has begun."""
        if window not in self._mixes:
            self._mixes[window] = self._mix_at(self.schedule.start(window))
        return self._mixes[window]

    def latest_environments(self) -> EnvironmentMix:
        """Environment mix as it stands now: the next window's, unless a vote changes it before."""
        return self._mix_at(self.chain.head().number)

    def _mix_at(self, block: int) -> EnvironmentMix:
        since, digests, weights, rewards = self._policy.call("environments", block)
        ids = self._environment_ids(BlockNumber(since), digests)
        return EnvironmentMix(ids, tuple(digests), tuple(weights), tuple(rewards))

    def _environment_ids(self, block: BlockNumber, digests: list[Digest]) -> tuple[str, ...]:
        """The contract keeps hashes of ids; the ids are in the event of the block that set them."""
        logs = self.chain.logs([self._policy.address], block, block)
        for event in map(self._policy.event, logs):
            if event is not None and event.name == "EnvironmentsSet":
                ids = tuple(event.fields["ids"])
                if [environment_digest(environment_id) for environment_id in ids] == digests:
                    return ids
        raise ChainError(f"the node has no event of block {block}, where the environment mix was set: use a full node")

    def active_line(self, window: WindowId) -> tuple[Place, ...]:
        """All places of the active set before a window that has begun, in order."""
        if window not in self._lines:
            who, stakes = self.contracts["ValidatorSet"].call("lineAt", self.schedule.start(window) - 1)
            self._lines[window] = tuple(Place(*pair) for pair in zip(who, stakes, strict=True))
        return self._lines[window]

    def beacon(self, window: WindowId) -> Digest:
        """Public randomness of a window that has begun: the contract's word where it has one."""
        if window not in self._beacons:
            stored = self.drawn(window, Moment.OPEN)
            if stored is None:
                if self.draws_from_drand(window):
                    raise ChainError(f"window {window} draws from drand, and nobody has brought its round yet: wait")
                block_hash = self.chain.block_hash(self.schedule.start(window))
                stored = keys.beacon(self.chain.chain_id, self.ledger_address, window, block_hash)
            self._beacons[window] = stored
        return self._beacons[window]

    def beacon_stands(self, window: WindowId) -> bool:
        """Is the beacon still the one that was read? Where a reorganisation took its block, all is forgotten."""
        before = self._beacons.pop(window, None)
        if before in (None, self.beacon(window)):
            return True
        self.forget()
        return False

    def challenge(self, window: WindowId) -> Digest | None:
        """Challenge of a sealed window; None while nobody has sealed it."""
        return self.drawn(window, Moment.SEAL)

    def drawn(self, window: WindowId, moment: Moment) -> Digest | None:
        """The beacon or challenge that the ledger has stored; None while it has none."""
        stored = self._ledger.call(("beaconOf", "challengeOf")[moment], window)
        return stored if any(stored) else None

    def draws_from_drand(self, window: WindowId) -> bool:
        """Do the window's draws wait for rounds of drand? Votes decide; where the chain can check none, they do not."""
        return bool(self.policy(window).beacon_drand) and self.contracts["DrandBeacon"].call("source") != 0

    def draw_randomness(self, signer: Signer, window: WindowId, moment: Moment) -> Receipt:
        """Fix the beacon or challenge on chain; in windows that draw from drand, call its round instead."""
        return self._ledger.send(signer, ("open", "seal")[moment], window)

    def round_called(self, window: WindowId, moment: Moment) -> Round | None:
        """The drand round that a window waits for; None where none was called."""
        _, number = self._ledger.call("drawOf", window, int(moment))
        if number == 0:
            return None
        genesis, period = (self.contracts["DrandBeacon"].call(name) for name in ("genesis", "period"))
        return Round(number, genesis + (number - 1) * period)

    def bring_round(self, signer: Signer, window: WindowId, moment: Moment, signature: bytes) -> Receipt:
        """Fix the beacon or challenge from the round that was called. Raises Reverted (WrongRound) on another's."""
        return self._ledger.send(signer, ("openWith", "sealWith")[moment], window, signature)

    def _window_events(
        self, contract: str, name: str, window: WindowId, first: BlockNumber, last: BlockNumber
    ) -> list[ChainEvent]:
        """A window's events of one kind between two blocks; remembered once they are final, for good."""
        key = (contract, name, window)
        if key in self._events:
            return self._events[key]
        head = self.chain.head().number
        if head < first:
            return []
        source = self.contracts[contract]
        logs = self.chain.logs([source.address], first, BlockNumber(min(last, head)))
        decoded = [event for event in map(source.event, logs) if event is not None and event.name == name]
        found = [event for event in decoded if event.fields["window"] == window]
        if head > last and self.chain.final_block() >= last:
            self._events[key] = found
        return found

    def _listed(
        self,
        name: str,
        window: WindowId,
        closed: BlockNumber,
        read: Callable[[], list[ChainEvent]],
        agrees: Callable[[list[ChainEvent]], bool],
    ) -> list[ChainEvent]:
        """A window's events; once no block after `closed` can add any, compared with what the contract says itself.

        Kept until the next look. Raises ChainUnavailable where they disagree: a replica that lags sends fewer events,
        and no error, and settlements rest on these lists.
        """
        key = (name, window)
        if key in self._looked:
            return self._looked[key]
        found = read()
        if self.chain.head().number > closed:
            if not agrees(found):
                self._events.clear()
                raise ChainUnavailable(
                    f"a node's events of window {window} lag behind its state ({name}): asking again"
                )
            self._looked[key] = found
        return found

    def _allow(self, signer: Signer, spender: Address, amount: int) -> None:
        if self._token.call("allowance", signer.address, spender) < amount:
            self._token.send(signer, "approve", spender, UNLIMITED)
