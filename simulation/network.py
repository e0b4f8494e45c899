"""A local network: deploy contracts, start neurons, advance windows, keep everything in a run folder."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.address_book import AddressBook
from grail.chain.base import Chain
from grail.chain.deployment import NetworkPlan, VotingRules, deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.events import EventReader
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.checkpoints.manifest import upload
from grail.environments.mandates import rules_of
from grail.environments.registry import Environments
from grail.errors import ChainError, SettingsError
from grail.inference.engine_cache import EngineCache
from grail.inference.text import TextCodec
from grail.protocol.records import CaseState, Role
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.fitness import FitChecks
from grail.runtime.node import Node
from grail.runtime.publishing import record_of
from grail.runtime.service import Service
from grail.storage.database import Database
from grail.storage.file_store import FileStore
from grail.storage.journal import Journal
from grail.telemetry.run_log import RunLog
from grail.training.evaluation import Accuracy, evaluate
from miner.duties.solve import Solve
from miner.service import miner_service
from simulation.accounting import Reconciliation, reconcile
from simulation.adversaries import ATTACKS
from simulation.cast import CAP, DELEGATED, GAS_MONEY, GRAIL, INITIAL_SUPPLY, POCKET, STAKES, Part, cast, signer_of
from simulation.lazy import LAZY
from simulation.liars import KINDS, Liar
from simulation.models import model_folder
from simulation.options import LocalnetOptions, save_options
from trainer.service import trainer_service
from validator.duties.audit import Audit
from validator.service import validator_service

OPTIONS, BOOK, STATE, DATABASE, EVENTS, CHAIN = (
    "options.json",
    "network.json",
    "state.json",
    "grail.sqlite",
    "events.jsonl",
    "chain.sqlite",
)
WAIT_SECONDS = 0.2
MAX_STEPS = 64
"""Ticks of the validators while a window's settlement and cases come to their end: each takes a handful."""
VOTING = VotingRules(
    delay_blocks=2, period_blocks=40, late_extension_blocks=4, threshold=1_000 * GRAIL, timelock_seconds=120
)
"""Votes that fit into a window or two."""


class LocalNetwork:
    """One run. `advance` plays one window; everything is on disk when it returns."""

    def __init__(self, options: LocalnetOptions, folder: Path, notify: Callable[[str], None] = lambda _: None) -> None:
        """Starts a network in an empty folder, or goes on where the folder's last settled window ended."""
        for what, asked, known in (("attacks", options.attacks, ATTACKS), ("lazy validators", options.lazy, LAZY)):
            unknown = sorted(set(asked) - set(known))
            if unknown:
                raise SettingsError(f"expected {what} among {', '.join(known)}; got {', '.join(unknown)}")
        self.options = options
        self.folder = folder
        self.notify = notify
        folder.mkdir(parents=True, exist_ok=True)
        self.parts = cast(options)
        self.services: list[Service] = []
        self.liars = self._liars()
        self.chain: Chain = self._open_chain()
        self.journal = Journal(Database.in_file(folder / DATABASE))
        self.run_log = RunLog(folder / EVENTS)
        self.store = FileStore(folder / "objects")
        self.checkpoints = CheckpointCache(folder / "checkpoints", self.store)
        self.engines = EngineCache(options.engine, options.threads)
        self.fits = FitChecks()
        self.environments = Environments.installed()
        self.environment = self.environments.by_id(options.environment)
        self.next_window = 0
        if (folder / STATE).exists():
            self._resume()
        else:
            self._start()
        self.services = [self._service(part) for part in self.parts]
        self.reader = EventReader(
            self.chain, self.subnet.contracts, self.subnet.book.first_block, self.journal, "localnet"
        )

    # Setting up

    def _open_chain(self) -> EmbeddedChain | JsonRpcChain:
        self.funder = signer_of(self.options.seed, "funder")
        if self.options.chain == "embedded":
            return EmbeddedChain(self.funder.address, self.folder / CHAIN)
        self.funder = Signer.from_key(ANVIL_KEY)
        return JsonRpcChain.connect(self.options.chain)

    def _start(self) -> None:
        """Deploy, fund, register, publish the base checkpoint. The holder has the first tokens and no power."""
        base = open_checkpoint(model_folder(self.options.model))
        self.notify("deploying contracts")
        holder = signer_of(self.options.seed, "holder")
        self.chain.send(self.funder, holder.address, b"", GAS_MONEY)
        accounts = sum(len(liar.accounts) + 2 for liar in self.liars)
        genesis = self.chain.head().number + 50 + 7 * (len(self.parts) + accounts)
        book = deploy(self.chain, holder, self._plan(genesis))
        self.subnet = Subnet(self.chain, book)
        self.notify("registering neurons")
        for part in self.parts:
            self._register(part, holder)
        for liar in self.liars:
            liar.join(holder)
        delegator = signer_of(self.options.seed, "delegator")
        self.chain.send(self.funder, delegator.address, b"", GAS_MONEY)
        self.subnet.transfer(holder, delegator.address, DELEGATED)
        self.subnet.stake(delegator, self.parts[0].signer.address, DELEGATED)
        self._publish_base(base)
        book.save(self.folder / BOOK)
        save_options(self.options, self.folder / OPTIONS)
        self._save_state(0)

    def _plan(self, genesis: int) -> NetworkPlan:
        schedule = self.options.schedule(genesis)
        return NetworkPlan(
            schedule=schedule,
            overrides=self.options.policy_overrides(schedule),
            environments=dict.fromkeys((self.options.environment, *self.options.mix), (1, 1_000)),
            holders={signer_of(self.options.seed, "holder").address: INITIAL_SUPPLY},
            cap=CAP,
            trainers=[part.signer.address for part in self.parts if part.role is Role.TRAINER],
            voting=VOTING,
            phase_floor=2,
        )

    def _register(self, part: Part, holder: Signer) -> None:
        stake = STAKES[part.role]
        self.chain.send(self.funder, part.signer.address, b"", GAS_MONEY)
        self.subnet.transfer(holder, part.signer.address, stake + POCKET)
        self.subnet.register(part.signer, part.role, f"localnet://{part.name}", stake)
        if part.role is Role.MINER:
            self.subnet.pledge(part.signer, self.options.groups)

    def _publish_base(self, checkpoint: Checkpoint) -> None:
        """The trainer registers the base checkpoint's fingerprint as version 1."""
        self.notify("publishing the base checkpoint")
        trainer = next(part for part in self.parts if part.role is Role.TRAINER)
        manifest = upload(checkpoint.folder, self.store)
        rules = rules_of(checkpoint, self.environment)
        self.subnet.publish(trainer.signer, record_of(checkpoint, manifest, rules))

    def _resume(self) -> None:
        """Back to the end of the last settled window: chain file, journal and events agree on it."""
        state = json.loads((self.folder / STATE).read_text())
        self.subnet = Subnet(self.chain, AddressBook.load(self.folder / BOOK))
        if self.options.chain == "embedded":
            if self.chain.head().number != state["block"]:
                raise SettingsError(f"expected the chain at block {state['block']}: the run folder is mixed up")
            self.journal.forget_from(state["next_window"], state["block"])
            self.run_log.forget_from(state["next_window"])
        self.next_window = state["next_window"]

    def node_of(self, part: Part) -> Node:
        """The node that a neuron of the cast works on."""
        return Node(
            name=part.name,
            signer=part.signer,
            subnet=self.subnet,
            store=self.store,
            journal=self.journal,
            checkpoints=self.checkpoints,
            engines=self.engines,
            environments=self.environments,
            fits=self.fits,
        )

    def _service(self, part: Part) -> Service:
        node = self.node_of(part)
        if part.role is Role.VALIDATOR:
            audit = LAZY[part.cheat] if part.cheat else Audit
            return validator_service(node, audit=audit, defend=part.cheat is None)
        if part.role is Role.TRAINER:
            return trainer_service(node, self.folder / "trainer", self.options.training)
        solve: type[Solve] = ATTACKS[part.cheat] if part.cheat else Solve
        return miner_service(node, groups=self.options.groups, solve=solve, defend=part.cheat is None)

    # Running

    def advance(self) -> Reconciliation:
        """Play the next window to its end; returns how the money reconciles."""
        window = WindowId(self.next_window)
        schedule = self.subnet.schedule
        if window > 0 and self._deadlines(WindowId(window - 1)):
            self._settle(WindowId(window - 1))
        steps = (
            ("mining", BlockNumber(schedule.start(window) + 1), Role.MINER),
            ("auditing", schedule.challenge_block(window), Role.VALIDATOR),
            ("revealing scores", schedule.score_deadline(window), Role.VALIDATOR),
        )
        for phase, block, role in steps:
            self.notify(phase)
            self.mine_to(block)
            self._tick(role)
            self._lie(window, phase.split()[0])
            if role is Role.VALIDATOR and not self._has_audited(window):
                self.mine_to(BlockNumber((block + schedule.score_deadline(window)) // 2))
                self._tick(role)
        self.notify("settling, judging")
        self.mine_to(schedule.reveal_deadline(window))
        self._settle(window)
        self.notify("learning")
        self._tick(Role.TRAINER)
        self.notify("claiming")
        self._tick(Role.MINER, Role.VALIDATOR, Role.TRAINER)
        self._lie(window, "claiming")
        return self._close(window)

    def _has_audited(self, window: WindowId) -> bool:
        """Has every validator given up what it could not fetch? It tries for half of the time."""
        validators = [part.name for part in self.parts if part.role is Role.VALIDATOR]
        return all(self.journal.note(name, "audit", window) is not None for name in validators)

    def _tick(self, *roles: Role) -> None:
        for part, service in zip(self.parts, self.services, strict=True):
            if part.role in roles:
                service.tick()

    def _lie(self, window: WindowId, phase: str) -> None:
        for liar in self.liars:
            if window in liar.lie.windows:
                liar.act(window, phase)

    def _liars(self) -> list[Liar]:
        """All attackers of the cast; the second of a kind is numbered."""
        found: list[Liar] = []
        for lie in self.options.lies:
            same = sum(liar.kind == lie.kind for liar in found)
            found.append(KINDS[lie.kind](self, lie, f"{lie.kind}-{same + 1}" if same else lie.kind))
        return found

    def _settle(self, window: WindowId) -> None:
        """Let validators and accused act until the settlement is final and no case is open."""
        for _ in range(MAX_STEPS):
            before = self.chain.head().number
            self._lie(window, "settling")
            self._tick(Role.VALIDATOR)
            if self.chain.head().number != before:
                self._tick(Role.MINER)
                continue
            deadlines = self._deadlines(window)
            if not deadlines:
                return
            self.mine_to(BlockNumber(before + max(1, min(deadlines) + 1 - self.subnet.clock())))

    def _deadlines(self, window: WindowId) -> list[int]:
        """Clock times at which something open can go on."""
        now = self.subnet.clock()
        found = []
        stated = self.subnet.round(window)
        if stated.standing:
            found.append(stated.deadline)
        found += [duel.deadline for duel in self.subnet.duels(window)]
        for case in self.subnet.cases():
            if case.state is not CaseState.CLOSED:
                found += [case.draw_block, case.commit_end, case.reveal_end]
        return [max(deadline, now) for deadline in found if deadline >= now] or [now for _ in found[:1]]

    def _close(self, window: WindowId) -> Reconciliation:
        """Read events, reconcile, log, save: after this the window is never played again."""
        self.notify("reconciling")
        batch = self.reader.read()
        self.journal.add_events(batch.events, batch.rewound_to)
        windows = [WindowId(number) for number in range(window + 1)]
        money = reconcile(self.subnet, self.journal.events, windows)
        self._log_window(window, money)
        self.next_window = window + 1
        self._save_state(self.next_window)
        return money

    def _log_window(self, window: WindowId, money: Reconciliation) -> None:
        notes = self.journal.note("trainer", "learn", window) or {}
        settled = self.subnet.settlement(window)
        self.run_log.add(
            "window",
            window,
            checkpoint=self.subnet.latest_version(),
            settled=settled is not None,
            paid_wei=str(self._paid(window)) if settled else "0",
            supply_wei=str(money.supply),
            accounted_wei=str(money.accounted),
            reconciled=money.right,
            problems=list(money.problems),
            update=notes,
        )
        for part in self.parts:
            address = part.signer.address
            self.run_log.add(
                "neuron",
                window,
                name=part.name,
                role=part.role.name.lower(),
                cheat=part.cheat,
                stake_wei=str(self.subnet.position(address, address)),  # its own: what delegators bring is not earned
                balance_wei=str(self.subnet.balance(address)),
                jailed=self.subnet.neuron(address).jailed,
            )
        for liar in self.liars:
            profit = liar.wealth() - liar.funds
            self.run_log.add("attacker", window, name=liar.name, attack=liar.kind, profit_wei=str(profit))

    def _paid(self, window: WindowId) -> int:
        """What the window has paid so far, by its claims, in wei."""
        claims = (row.fields for row in self.journal.events("Claimed"))
        return sum(int(fields["amount"]) for fields in claims if fields["window"] == window)

    def evaluate(self, greedy: bool, problems: int) -> Accuracy:
        """Held-out accuracy of the newest checkpoint."""
        checkpoint = self.checkpoints.fetch(self.subnet.checkpoint(self.subnet.latest_version()))
        engine = self.engines.engine(checkpoint)
        codec = TextCodec(checkpoint)
        return evaluate(engine, self.environment, codec, count=problems, greedy=greedy, seed=self.options.seed)

    def log_accuracy(self, window: int, problems: int) -> dict[str, Accuracy]:
        """Evaluate at T and greedy, and log; `window` -1 is the base."""
        self.notify("evaluating")
        found = {"sampled": self.evaluate(False, problems), "greedy": self.evaluate(True, problems)}
        numbers = {name: {"right": a.right, "count": a.count} for name, a in found.items()}
        self.run_log.add("accuracy", window, version=self.subnet.latest_version(), **numbers)
        return found

    def mine_to(self, block: BlockNumber) -> None:
        """Let the chain reach a block: by making blocks where that is possible, else by waiting for them."""
        missing = block - self.chain.head().number
        if missing <= 0:
            return
        try:
            self.chain.mine(missing)  # type: ignore[attr-defined]
        except ChainError:
            while self.chain.head().number < block:
                time.sleep(WAIT_SECONDS)

    def _save_state(self, next_window: int) -> None:
        if isinstance(self.chain, EmbeddedChain):
            self.chain.save()
        part = self.folder / f"{STATE}.part"
        part.write_text(json.dumps({"next_window": next_window, "block": self.chain.head().number}) + "\n")
        part.replace(self.folder / STATE)
