"""StakeVault and Exits in plain Python: pools in shares, exits by price, delegators' rewards. Every rounding."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

BPS, SCALE, WIPED = 10_000, 10**27, 10**6
MAX_EXITS = 8


@dataclass
class ExitPool:
    """Stake on its way out of one neuron's pool."""

    held: int = 0
    shares: int = 0
    due: int = 0
    generation: int = 0
    gone: int = 0
    queued: list[tuple[int, int]] = field(default_factory=list)
    prices: list[tuple[int, int]] = field(default_factory=list)
    closed_at: dict[int, int] = field(default_factory=dict)

    def enter(self, amount: int, ready_at: int) -> tuple[int, int, int]:
        last, so_far = self.queued[-1] if self.queued else (0, 0)
        due = max(ready_at, last)
        minted = amount * self.shares // self.held if self.shares else amount
        self.held, self.shares = self.held + amount, self.shares + minted
        if self.queued and last == due:
            self.queued.pop()
        self.queued.append((due, so_far + minted))
        return minted, due, self.generation

    def mature(self, clock: int) -> None:
        leaving = self._due_shares(clock)
        if leaving == 0:
            return
        if self.prices and self.prices[-1][0] == clock:
            self.prices.pop()
        self.prices.append((clock, self.held * SCALE // self.shares))
        amount = leaving * self.held // self.shares
        self.gone += leaving
        self.held, self.shares, self.due = self.held - amount, self.shares - leaving, self.due + amount

    def take(self, shares: int, ready_at: int, generation: int, clock: int) -> int:
        self.mature(clock)
        if self._closed(ready_at, generation):
            return 0
        amount = shares * self._price_at(ready_at) // SCALE
        self.due -= amount
        return amount

    def slash(self, amount: int, clock: int) -> int:
        taken = amount
        if (self.held - amount) * WIPED < self.shares:
            taken = self.held
            self.closed_at[self.generation] = clock
            self.generation += 1
            self.gone, self.shares = self.queued[-1][1] if self.queued else 0, 0
        self.held -= taken
        return taken

    def slashable(self, clock: int) -> int:
        leaving = self._due_shares(clock)
        return self.held - leaving * self.held // self.shares if leaving else self.held

    def worth(self, shares: int, ready_at: int, generation: int, clock: int) -> tuple[int, bool]:
        if self._closed(ready_at, generation):
            return 0, False
        if self.prices and self.prices[-1][0] >= ready_at:
            return shares * self._price_at(ready_at) // SCALE, False
        return shares * self.held // self.shares, ready_at > clock

    def _closed(self, ready_at: int, generation: int) -> bool:
        return generation < self.generation and ready_at > self.closed_at[generation]

    def _price_at(self, ready_at: int) -> int:
        place = bisect_left(self.prices, (ready_at, -1))
        return self.prices[place][1] if place < len(self.prices) else 0

    def _due_shares(self, clock: int) -> int:
        if self.shares == 0:
            return 0
        place = bisect_right(self.queued, (clock, 2**256))
        ripe = self.queued[place - 1][1] if place else 0
        return max(0, ripe - self.gone)


@dataclass
class Pool:
    """One neuron's pool."""

    minimum: int
    stake: int = 0
    shares: dict[str, int] = field(default_factory=dict)
    commission: tuple[int, int, int] = (1_000, 1_000, 0)
    per_share: int = 0
    paid: dict[str, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    exits: ExitPool = field(default_factory=ExitPool)

    @property
    def all_shares(self) -> int:
        return sum(self.shares.values())

    def position(self, who: str) -> int:
        return self.shares.get(who, 0) * self.stake // self.all_shares if self.all_shares else 0

    def commission_at(self, clock: int) -> int:
        now, later, since = self.commission
        return now if clock < since else later


@dataclass
class Vault:
    """All pools and everybody's exits; who owns a pool has its name."""

    pools: dict[str, Pool]
    queue: dict[str, list[tuple[str, int, int, int]]] = field(default_factory=dict)
    """Staker to (neuron, ready at, generation, shares)."""

    def stake(self, neuron: str, who: str, amount: int) -> None:
        pool = self.pools[neuron]
        minted = amount * pool.all_shares // pool.stake if pool.all_shares else amount
        self._move(neuron, who, pool.shares.get(who, 0) + minted)
        pool.stake += amount

    def takes(self, neuron: str) -> bool:
        """Does a pool take stake? Not when its shares are worth next to nothing."""
        pool = self.pools[neuron]
        return not (pool.all_shares and pool.stake * WIPED < pool.all_shares)

    def may_unstake(self, neuron: str, who: str, amount: int) -> bool:
        pool = self.pools[neuron]
        if not 0 < amount <= pool.position(who) or len(self.queue.get(who, [])) == MAX_EXITS:
            return False
        exits = pool.exits
        if exits.shares and amount * exits.shares // exits.held == 0:
            return False
        if who != neuron:
            return True
        held, total, pooled = pool.shares[who], pool.all_shares, pool.stake
        burnt = held if amount == pool.position(who) else -(-amount * total // pooled)
        left = (held - burnt) * (pooled - amount) // (total - burnt) if total > burnt else 0
        return left == 0 or left >= pool.minimum

    def unstake(self, neuron: str, who: str, amount: int, ready_at: int) -> None:
        pool = self.pools[neuron]
        held = pool.shares[who]
        burnt = held if amount == pool.position(who) else -(-amount * pool.all_shares // pool.stake)
        self._move(neuron, who, held - burnt)
        pool.stake -= amount
        minted, due, generation = pool.exits.enter(amount, ready_at)
        self.queue.setdefault(who, []).append((neuron, due, generation, minted))

    def withdraw(self, who: str, clock: int) -> int:
        queue, amount, i = self.queue.get(who, []), 0, 0
        while i < len(queue):
            neuron, ready_at, generation, shares = queue[i]
            if ready_at <= clock:
                amount += self.pools[neuron].exits.take(shares, ready_at, generation, clock)
                queue[i] = queue[-1]
                queue.pop()
            else:
                i += 1
        return amount

    def slashable(self, neuron: str, clock: int) -> int:
        return self.pools[neuron].stake + self.pools[neuron].exits.slashable(clock)

    def slash(self, neuron: str, amount: int, clock: int) -> tuple[int, int]:
        """(slashed, the owner's own part of it)."""
        pool = self.pools[neuron]
        exits = pool.exits
        exits.mature(clock)
        whole = pool.stake + exits.held
        amount = min(amount, whole)
        if amount == 0:
            return 0, 0
        from_exit = amount * exits.held // whole
        from_active = amount - from_exit
        own = from_active * pool.shares.get(neuron, 0) // pool.all_shares if pool.all_shares else 0
        if from_exit:
            own += from_exit * self._own_exit_shares(neuron, clock) // exits.shares
        slashed = from_active + exits.slash(from_exit, clock)
        pool.stake -= from_active
        return slashed, own

    def divide(self, neuron: str, amount: int, clock: int) -> tuple[int, int]:
        """(to the neuron at once, to its delegators)."""
        pool = self.pools[neuron]
        others = pool.all_shares - pool.shares.get(neuron, 0)
        if others == 0:
            return amount, 0
        rest = amount * others // pool.all_shares
        rest -= rest * pool.commission_at(clock) // BPS
        pool.per_share += rest * SCALE // others
        return amount - rest, rest

    def collectable(self, neuron: str, who: str) -> int:
        pool = self.pools[neuron]
        pending = pool.shares.get(who, 0) * (pool.per_share - pool.paid.get(who, 0)) // SCALE
        return pool.owed.get(who, 0) + (0 if who == neuron else pending)

    def collect(self, neuron: str, who: str) -> int:
        self._settle(neuron, who)
        return self.pools[neuron].owed.pop(who, 0)

    def announce(self, neuron: str, bps: int, clock: int, notice: int) -> None:
        pool = self.pools[neuron]
        pool.commission = (pool.commission_at(clock), bps, clock + notice)

    def exit_worth(self, who: str, clock: int) -> list[int]:
        return [self.pools[n].exits.worth(shares, at, g, clock)[0] for n, at, g, shares in self.queue.get(who, [])]

    def _own_exit_shares(self, neuron: str, clock: int) -> int:
        return sum(
            shares
            for whose, ready_at, generation, shares in self.queue.get(neuron, [])
            if whose == neuron and self.pools[neuron].exits.worth(shares, ready_at, generation, clock)[1]
        )

    def _move(self, neuron: str, who: str, shares: int) -> None:
        self._settle(neuron, who)
        self.pools[neuron].shares[who] = shares

    def _settle(self, neuron: str, who: str) -> None:
        pool = self.pools[neuron]
        pool.owed[who] = self.collectable(neuron, who)
        pool.paid[who] = pool.per_share
