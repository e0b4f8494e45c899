"""The loop of every role: follow windows, run due duties once, resume, stop gracefully."""

import threading
from collections.abc import Sequence

from grail.chain.reorganisations import Reorganisations
from grail.errors import ChainUnavailable, Contradiction, EngineLost, GrailError, TooLate
from grail.protocol.units import WindowId
from grail.runtime.duty import Duty
from grail.runtime.node import Node
from grail.runtime.watchdog import Watchdog

DUEL_MOVES = 6
"""Moves of the longest duel: a million leaves."""
LOOK_BACK = 3
"""Windows before the current one whose duties may still be due, besides those whose settlement may still be open."""


class Service:
    """One node's duties, in the order of the window."""

    def __init__(self, node: Node, duties: Sequence[Duty], *, watchdog_seconds: float = 60.0) -> None:
        self.node = node
        self._duties = list(duties)
        self._watchdog = Watchdog(watchdog_seconds, node.log)
        self._stop = threading.Event()
        self._done: dict[tuple[str, int], int] = {}
        """What the journal says is done, and at which block it was; undone only by a reorganisation."""
        self._reorganisations = Reorganisations(node.subnet.chain)

    def add(self, duty: Duty) -> None:
        """A duty that every role may have; comes after the role's own."""
        self._duties.append(duty)

    def tick(self) -> int:
        """Look at the chain once and do what is due; returns how many duties were finished.

        A duty that fails with one of our errors is logged, left for the next tick, and does not hold up the others.
        """
        self._undo(self._reorganisations.look())
        current = self.node.subnet.current_window()
        if current is None:
            return 0
        finished, block = 0, self.node.subnet.chain.head().number
        first = max(0, current - self._look_back(current))
        self._done = {key: at for key, at in self._done.items() if key[1] >= first}
        for window in range(first, current + 1):
            for duty in self._duties:
                if self._is_open(duty, WindowId(window)) and duty.due(
                    WindowId(window), block, self.node.subnet.schedule
                ):
                    finished += self._attempt(duty, WindowId(window))
                    block = self.node.subnet.chain.head().number
        return finished

    def _look_back(self, current: WindowId) -> int:
        """The longer of a settlement with its duels and a contest with its trial; claims come after both.

        By the clock: whatever was paused is looked back over, too, so that no statement ripens unseen in a pause.
        """
        subnet = self.node.subnet
        policy, blocks = subnet.policy(current), subnet.schedule.window
        settling = 3 * policy.settlement_challenge_blocks + DUEL_MOVES * policy.settlement_move_blocks
        trial = 2 * (policy.vote_commit_blocks + policy.vote_reveal_blocks) + policy.appeal_blocks
        paused = subnet.chain.head().number - subnet.clock()
        longest = max(settling, policy.accusation_horizon_blocks + trial) + paused
        return LOOK_BACK + -(-longest // blocks)

    def run(self, poll_seconds: float) -> None:
        """Tick until stopped. A node that went away is waited for; everything committed stays committed."""
        while not self._stop.is_set():
            try:
                self.tick()
            except ChainUnavailable as error:
                self.node.log.warning("chain unavailable", neuron=self.node.name, reason=str(error))
            self._stop.wait(poll_seconds)

    def stop(self) -> None:
        """Finish the running duty, then leave `run`."""
        self._stop.set()

    def _is_open(self, duty: Duty, window: WindowId) -> bool:
        """Not done yet, and not stopped."""
        if self._stop.is_set() or (duty.name, window) in self._done:
            return False
        if self.node.journal.note(self.node.name, duty.name, window) is None:
            return True
        self._done[duty.name, window] = 0
        return False

    def _undo(self, kept: int | None) -> None:
        """Blocks after `kept` have left the chain: what was done since then is done again, where it is still due.

        A duty finds its own act where that was mined again, so nothing is done twice. One that acts nowhere
        (`reads_only`) is done again where what it read may be another: where the challenge has gone, too.
        """
        if kept is None:
            return
        schedule = self.node.subnet.schedule
        reads = {duty.name for duty in self._duties if getattr(duty, "reads_only", False)}
        again = [
            (name, window)
            for (name, window), block in self._done.items()
            if block > kept and (name not in reads or schedule.challenge_block(WindowId(window)) > kept)
        ]
        self.node.log.warning("blocks have left the chain", neuron=self.node.name, kept=kept, again=len(again))
        self.node.subnet.forget()
        for name, window in again:
            del self._done[name, window]
            self.node.journal.forget(self.node.name, name, window)

    def _attempt(self, duty: Duty, window: WindowId) -> int:
        node = self.node
        try:
            with self._watchdog.watching(f"{node.name}: {duty.name} of window {window}"):
                note = duty.run(window)
        except (ChainUnavailable, EngineLost):
            raise
        except TooLate as error:
            node.log.error("too late", neuron=node.name, duty=duty.name, window=window, reason=str(error))
            node.meters.note(node.name, duty.name, window, {"late": 1})
            return 0
        except Contradiction as error:
            node.log.error("not signed", neuron=node.name, duty=duty.name, window=window, reason=str(error))
            note = {"contradiction": str(error)}
        except GrailError as error:
            node.log.warning("duty failed", neuron=node.name, duty=duty.name, window=window, reason=str(error))
            return 0
        if note is None:
            return 0
        node.journal.record(node.name, duty.name, window, note)
        self._done[duty.name, window] = node.subnet.chain.head().number
        node.meters.note(node.name, duty.name, window, note)
        node.log.info("done", neuron=node.name, duty=duty.name, window=window)
        return 1
