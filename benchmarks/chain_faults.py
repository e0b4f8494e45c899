"""Commitments of honest miners through a node that fails: is every one mined, and none twice?

    python benchmarks/chain_faults.py --windows 1000 --json

A real EVM with our contracts, behind a proxy that answers a fifth of all calls as bad nodes do (tests/chain/
fault_proxy.py names the kinds). The miner is the service loop with three duties: it commits, in some windows so late
that it must be told before anything is sent; it sends the very same payment in every window, which must arrive once in
each; it lists what the window before committed. Time is injected: what the client sleeps makes blocks instead, so that
a thousand windows take minutes. `double_sends` are counted from the blocks, `late_reported` from the log.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.relays import served
from grail.chain import transactions
from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.deployment import deploy
from grail.chain.dev_node import DevNode
from grail.chain.dev_node_server import DevNodeServer
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.rpc import logs, nodes
from grail.chain.subnet import Subnet
from grail.errors import ChainError, TooLate
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord, Commitment, Role
from grail.protocol.schedule import Schedule
from grail.protocol.units import CheckpointVersion, WindowId
from grail.runtime.duty import Note
from grail.runtime.service import Service
from grail.storage.database import Database
from grail.storage.journal import Journal
from grail.telemetry import log as telemetry_log
from grail.telemetry.meters import Meters
from tests.chain import fault_proxy
from tests.chain.fault_proxy import KINDS, FaultProxy, by_lot
from tests.chain.test_embedded import PLAN

OWNER = Signer.from_key(ANVIL_KEY)
BLOCK_SECONDS = 2.0
"""Of injected time."""
WINDOW, COMMIT = 26, 20
"""Forty seconds to commit; no network of strangers can have fewer than two hours (`Floors.phase`)."""
HANG_SECONDS = 0.02
"""Real ones: a hanging call costs the client its injected patience, and this run little."""


class InjectedTime:
    """The client's `time`: sleeping makes blocks, and takes no time."""

    def __init__(self, mine: Any) -> None:
        self._mine = mine
        self._now = 0.0
        self._mined = 0.0

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        while self._mined + BLOCK_SECONDS <= self._now:
            self._mined += BLOCK_SECONDS
            self._mine()


class Log:
    """Keeps what a service says."""

    def __init__(self) -> None:
        self.said: Counter[str] = Counter()
        self.lines: list[tuple[int, str]] = []
        """(block, what was said)"""
        self.block = 0

    def __getattr__(self, level: str) -> Any:
        return self._say

    def _say(self, event: str, **more: Any) -> None:
        self.said.update([event])
        self.lines.append((self.block, f"{event}: {more.get('duty', '')} {more.get('reason', '')}"))

    def between(self, first: int, last: int) -> list[str]:
        """What was said from one block to another."""
        return [f"block {block}: {line}" for block, line in self.lines if first <= block <= last]


class Commit:
    """The miner's commitment of a window, without the work. `hopeless`: windows in which it comes too late."""

    name = "solve"

    def __init__(self, subnet: Subnet, miner: Signer, hopeless: set[int]) -> None:
        self._subnet, self._miner, self._hopeless = subnet, miner, hopeless
        self.told: set[int] = set()

    def due(self, window: WindowId, block: int, schedule: Schedule) -> bool:
        last = schedule.commit_deadline(window)
        if window in self._hopeless:
            return last <= block < schedule.start(WindowId(window + 1)) and window not in self.told
        return schedule.start(window) < block < last

    def run(self, window: WindowId) -> Note | None:
        if self._subnet.commitment(window, self._miner.address) is None:
            try:
                self._subnet.commit(self._miner, commitment(window, self._miner))
            except TooLate:
                self.told.add(window)
                raise
        return {"committed": True}


class Pay:
    """The same payment in every window."""

    name = "pay"

    def __init__(self, subnet: Subnet, miner: Signer) -> None:
        self._subnet, self._miner = subnet, miner

    def due(self, window: WindowId, block: int, schedule: Schedule) -> bool:
        return schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        self._subnet.transfer(self._miner, OWNER.address, 1)
        return {"paid": 1}


class Listed:
    """Who committed in the window before, as a settlement asks it."""

    name = "list"

    def __init__(self, subnet: Subnet, miner: Signer, hopeless: set[int]) -> None:
        self._subnet, self._miner, self._hopeless = subnet, miner, hopeless
        self.wrong = 0

    def due(self, window: WindowId, block: int, schedule: Schedule) -> bool:
        return block > schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        found = [entry.miner for entry in self._subnet.commitments(window)]
        self.wrong += found != ([] if window in self._hopeless else [self._miner.address])
        return {"listed": len(found)}


def commitment(window: int, miner: Signer) -> Commitment:
    """One that names the window."""
    name = keccak256(b"%d" % window)
    return Commitment(
        window=WindowId(window),
        miner=miner.address,
        root=name,
        blob_digest=name,
        n_groups=2,
        checkpoint_version=CheckpointVersion(1),
        worth=1_000 + window,
    )


def founded(url: str, miner: Signer, node: DevNode) -> Subnet:
    """Contracts, a miner with stake, a checkpoint; then one block before the first window."""
    chain = JsonRpcChain.connect(url)
    schedule = Schedule(genesis=120, window=WINDOW, commit=COMMIT, score=2, reveal=2)
    plan = SimpleNamespace(**{name: getattr(PLAN, name) for name in PLAN.__slots__})
    plan.schedule, plan.trainers, plan.holders = schedule, [OWNER.address], {OWNER.address: 10**25}
    plan.floors = PLAN.floors
    plan.overrides = PLAN.overrides | {"unbonding_blocks": 200}
    subnet = Subnet(chain, deploy(chain, OWNER, plan))  # type: ignore[arg-type]
    chain.send(OWNER, miner.address, b"", 10**24)
    subnet.transfer(OWNER, miner.address, 10**22)
    subnet.register(miner, Role.MINER, "", 10**21)
    subnet.register(OWNER, Role.TRAINER, "", 10**22)
    words: dict[str, Any] = dict.fromkeys(("fingerprint", "manifest", "rules_hash", "calibration"), b"\1" * 32)
    versions: dict[str, Any] = {"version": 0, "active_from": 0, "parent": bytes(32), "publisher": bytes(20)}
    subnet.publish(OWNER, CheckpointRecord(proof_scheme="sketch/1", **words, **versions))
    while node.chain.head().number < schedule.genesis - 1:
        node.mine()
    return subnet


def repeats(node: DevNode, miner: Signer) -> Counter[bytes]:
    """How often each action of the miner stands in the blocks."""
    seen: Counter[bytes] = Counter()
    pyevm = node.chain.pyevm
    for number in range(node.chain.head().number + 1):
        header = pyevm.get_canonical_block_header_by_number(number)
        for sent in pyevm.get_canonical_block_by_number(number).transactions if header.gas_used else ():
            if sent.sender == miner.address and sent.data:
                seen[bytes(sent.to) + bytes(sent.data)] += 1
    return seen


def campaign(windows: int, seed: int, share: float, notify: Any) -> dict[str, Any]:
    """Play and count."""
    fault_proxy.HANG_SECONDS = HANG_SECONDS
    miner = Signer.from_key(keccak256(b"an honest miner"))
    lock = threading.Lock()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        node = DevNode(OWNER.address)
        server = DevNodeServer(node, 0)
        url = stack.enter_context(served(server))
        proxy = stack.enter_context(FaultProxy(url))
        direct = JsonRpcChain.connect(url)

        def mine() -> None:
            with lock:
                direct.mine(1)

        injected = InjectedTime(mine)
        for module in (transactions, nodes, logs):
            stack.callback(setattr, module, "time", module.time)
            module.time = injected  # type: ignore[attr-defined]
        subnet = founded(url, miner, node)
        chain = JsonRpcChain.connect(proxy.url)
        chain._web3.provider._sleep = injected.sleep  # type: ignore[attr-defined, union-attr]
        mined = Subnet(chain, subnet.book)
        hopeless = {window for window in range(windows) if window % 20 == 19}
        telemetry_log.configure(quiet=True)
        log, journal = Log(), Journal(Database.in_file(folder / "grail.sqlite"))
        fake: Any = SimpleNamespace(
            name=miner.name,
            signer=miner,
            address=miner.address,
            subnet=mined,
            journal=journal,
            log=log,
            meters=Meters(),
        )
        listed = Listed(mined, miner, hopeless)
        commit = Commit(mined, miner, hopeless)
        service = Service(fake, [commit, Pay(mined, miner), listed])
        proxy.draw = by_lot(share, seed)
        crashes = 0
        last = subnet.schedule.start(WindowId(windows))
        while direct.head().number < last:
            log.block = direct.head().number
            try:
                service.tick()
            except ChainError as error:
                log.warning("chain unavailable", reason=str(error))
            except Exception as error:  # noqa: BLE001 (what would end the process is counted)
                crashes += 1
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            injected.sleep(BLOCK_SECONDS)
            notify(subnet.current_window() or 0)
        proxy.draw = lambda method: None
        paid = sum(journal.note(miner.name, "pay", window) is not None for window in range(windows))
        seen = repeats(node, miner)
        payment = bytes(subnet.contracts["GrailToken"].address) + subnet.contracts["GrailToken"].calldata(
            "transfer", OWNER.address, 1
        )
        twice = sum(count - 1 for action, count in seen.items() if action != payment) + abs(seen[payment] - paid)
        honest = [window for window in range(windows) if window not in hopeless]
        lost = [window for window in honest if subnet.commitment(WindowId(window), miner.address) is None]
        for window in lost:
            said = log.between(
                subnet.schedule.start(WindowId(window)), subnet.schedule.commit_deadline(WindowId(window))
            )
            print(f"lost: window {window}", *said, sep="\n  ", file=sys.stderr)
        return {
            "windows": windows,
            "calls": proxy.calls,
            "faults": {kind: proxy.counts[kind] for kind in KINDS},
            "double_sends": twice,
            "lost_commits": len(lost),
            "payments": paid,
            "wrong_lists": listed.wrong,
            "hopeless": len(hopeless),
            "late_reported": min(len(commit.told), log.said["too late"]),
            "crashes": crashes,
            "seed": seed,
        }


def main() -> int:
    """Run, print, and say by the exit code whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.2, help="of all calls that fail")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    shown = 0

    def notify(window: int) -> None:
        nonlocal shown
        if window >= shown + max(1, options.windows // 20):
            shown = window
            print(f"window {window} of {options.windows}", file=sys.stderr)

    began = time.monotonic()
    found = campaign(options.windows, options.seed, options.share, notify) | {"seconds": time.monotonic() - began}
    for name, value in found.items():
        if not options.json:
            print(f"{name:15} {value}")
    if options.json:
        print(json.dumps(found))
    return int(any(found[name] for name in ("double_sends", "lost_commits", "wrong_lists", "crashes")))


if __name__ == "__main__":
    sys.exit(main())
