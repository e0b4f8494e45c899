"""Check a data set: each row by itself, all of them by their root, and, where there is a chain, what it says of them.

By itself a row shows that its contents are those of its leaf, and that its leaf is in its root. The environment shows
that the problem is the key's and the reward the text's. The chain shows that the root was committed, when its
randomness was unknown; the checkpoint's tokenizer, that the text is the ids'; a replay, that a model sampled them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grail.datasets.export import audited_by
from grail.datasets.files import FORMAT, MANIFEST, PAIRS, digest_of_file, read_manifest, read_pairs, read_rows
from grail.datasets.rows import Parts, Row, digest_of, messages_of, parts_of, roles_of, wrong_with
from grail.environments.base import Conversation, Environment, Grade, Problem
from grail.environments.mandates import BeaconMandates, rules_of
from grail.environments.registry import Environments
from grail.errors import BadInput, BadSubmission, GrailError
from grail.inference.base import ReplayRequest
from grail.inference.text import TextCodec
from grail.protocol import keys
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import environment_digest
from grail.protocol.merkle import MerkleTree
from grail.protocol.units import Address, CheckpointVersion, WindowId
from grail.runtime.node import Node
from grail.runtime.reckon import reckon
from grail.verification.calibration import profile_of

MOST_SHOWN = 1_000
MOST_PROBLEMS = 4_096
"""Problems that are remembered: a group's rollouts stand one after another."""


@dataclass
class Checked:
    """How many rows were checked in which way, and what is wrong: (row's number, counted from zero, or -1 for the
    whole; why). `skipped`: checks that could not be made, with the reason.
    """

    rows: int = 0
    graded: int = 0
    on_chain: int = 0
    replayed: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)
    wrong_rows: int = 0
    skipped: dict[str, str] = field(default_factory=dict)

    def blame(self, number: int, why: str) -> None:
        """Note what is wrong; beyond a thousand, only count it."""
        self.wrong_rows += 1
        if len(self.wrong) < MOST_SHOWN:
            self.wrong.append((number, why))


def check(
    folder: Path, environments: Environments, node: Node | None = None, replay: int = 0, seed: int = 0,
    notify: Callable[[int], None] = lambda _: None,
) -> Checked:  # fmt: skip
    """Check all that can be checked. `node`: of the network that the rows are from; `replay`: so many rows, drawn by
    `seed`, are replayed. Raises BadInput, SettingsError for what is no data set.
    """
    manifest, found = read_manifest(folder), Checked()
    for name, named in manifest["files"].items():
        if name != Path(name).name or not (folder / name).exists() or digest_of_file(folder / name) != named:
            found.blame(-1, f"{name} is not the file that {MANIFEST} names")
    checker = Checker(manifest, environments, node, found)
    if node is None:
        found.skipped["chain"] = "no network was named: --chain, --config or --run"
    digests, drawn = [], _drawn(manifest["rows"], replay, seed)
    taken: list[tuple[int, Row]] = []
    texts: dict[str, Row] = {}
    leaves: set[str] = set()
    try:
        for number, row in enumerate(read_rows(folder)):
            digests.append(digest_of(row))
            for why in checker.faults(row):
                found.blame(number, why)
            taken += [(number, row)] if number in drawn else []
            if row["leaf"] in leaves:
                found.blame(number, "it stands here twice")
            leaves.add(row["leaf"])
            if manifest["pairs"]:
                texts[row["leaf"]] = {name: row[name] for name in ("prompt", "completion", "reward_micro")}
            found.rows += 1
            notify(found.rows)
    except BadInput as error:
        found.blame(-1, str(error))
    if found.rows != manifest["rows"] or not digests or "0x" + MerkleTree(digests).root.hex() != manifest["root"]:
        found.blame(-1, "the rows are not those whose root the manifest names")
    _check_pairs(folder, texts, manifest["pairs"], found)
    if taken and node is not None:
        _replay(node, taken, found)
    return found


class Checker:
    """What can be said of one row after the other. `node`: of the network that they are from, where one is named."""

    def __init__(self, manifest: dict[str, Any], environments: Environments, node: Node | None, found: Checked) -> None:
        self._manifest = manifest
        self._problems = _Problems(environments, found)
        self._chain = _Chain(node, manifest, found) if node else None

    def faults(self, row: Row) -> Iterator[str]:
        """What is wrong with a row; of one that is not even itself the rest is not asked."""
        own = wrong_with(row)
        if own is not None:
            yield own
            return
        told = self._manifest["checkpoints"].get(str(row["checkpoint_version"]))
        if told != row["fingerprint"]:
            yield f"its checkpoint is not the manifest's version {row['checkpoint_version']}"
        beacon = bytes.fromhex(self._manifest["beacons"].get(str(row["window"]), "0x" + "00" * 32)[2:])
        key = keys.problem_key(beacon, bytes.fromhex(row["miner"][2:]), row["group"])
        if "0x" + key.hex() != row["problem_key"]:
            yield "its problem is not the one that the window's beacon names"
            return
        yield from self._problems.faults(row)
        if self._chain is not None:
            yield from self._chain.faults(row)


class _Problems:
    """Problems and rewards, made again by the environments that are installed."""

    def __init__(self, environments: Environments, found: Checked) -> None:
        self._environments = environments
        self._found = found
        self._known: dict[str, tuple[Environment, Problem]] = {}

    def faults(self, row: Row) -> Iterator[str]:
        """Prompt and reward."""
        name = row["environment"]
        try:
            self._environments.learn([name])
            environment = self._environments.by_digest(environment_digest(name))
        except GrailError as error:
            self._found.skipped[name[:80]] = str(error)
            return
        if len(self._known) > MOST_PROBLEMS:
            self._known.clear()
        if row["problem_key"] not in self._known:
            self._known[row["problem_key"]] = (environment, environment.problem(bytes.fromhex(row["problem_key"][2:])))
        environment, problem = self._known[row["problem_key"]]
        if problem.prompt != row["prompt"]:
            yield "its prompt is not its problem's"
            return
        grade = self._grade(environment, problem, row["messages"])
        self._found.graded += 1
        if isinstance(grade, str):
            yield grade
            return
        if grade.certain and grade.reward_micro != row["reward_micro"]:
            yield f"its completion earns {grade.reward_micro}, not {row['reward_micro']}"
        if row["completion"] != "\n".join(row["messages"]):
            yield "its completion is not that of its messages"

    def _grade(self, environment: Environment, problem: Problem, messages: Sequence[str]) -> Grade | str:
        """Of the model's texts; in words where the world would not have answered them so."""
        if not isinstance(environment, Conversation):
            return environment.grade(problem, messages[0]) if len(messages) == 1 else "its world says nothing"
        if len(messages) % 2 == 0 or len(messages) >= 2 * environment.turns:
            return f"expected a dialogue of at most {environment.turns} turns that the model ends"
        state, actions = environment.begin(problem), list(messages[::2])
        for action, observation in zip(actions, (*messages[1::2], None), strict=True):
            step = environment.step(problem, state, action)
            if observation is not None and step.observation != observation:
                return f"the world does not answer {observation[:80]!r} to {action[:80]!r}"
            state = step.state
        return environment.end(problem, state, actions)


class _Chain:
    """What the chain says of rows: commitments, randomness, checkpoints, readers; and their texts, by tokenizer."""

    def __init__(self, node: Node, manifest: dict[str, Any], found: Checked) -> None:
        self._node = node
        self._found = found
        self._readers: dict[tuple[int, str], dict[tuple[int, int], list[str]] | str] = {}
        self._codecs: dict[int, TextCodec] = {}
        self._mandates: dict[tuple[int, str, int], BeaconMandates] = {}
        subnet = node.subnet
        if (manifest["chain_id"], manifest["ledger"]) != (subnet.chain.chain_id, "0x" + subnet.ledger_address.hex()):
            raise BadInput(f"the rows are of another network: chain {manifest['chain_id']}, {manifest['ledger']}")
        for window, beacon in manifest["beacons"].items():
            if "0x" + subnet.beacon(WindowId(int(window))).hex() != beacon:
                found.blame(-1, f"the beacon of window {window} is another")
        for version, fingerprint in manifest["checkpoints"].items():
            if "0x" + subnet.checkpoint(CheckpointVersion(int(version))).fingerprint.hex() != fingerprint:
                found.blame(-1, f"the checkpoint of version {version} is another")

    def faults(self, row: Row) -> Iterator[str]:
        """Commitment, then readers, then texts."""
        readers = self._of(row)
        if isinstance(readers, str):
            yield readers
            return
        self._found.on_chain += 1
        if readers.get((row["group"], row["index"]), []) != row["audited_by"]:
            yield "others than it says were dealt it to read"
        if row["observed_milli"] != self._node.subnet.policy(WindowId(row["window"])).observed_milli:
            yield "what the world says was worth otherwise"
        codec, parts = self._codec(row["checkpoint_version"]), parts_of(row)
        if not np.array_equal(codec.encode(row["prompt"]), parts.prompt):
            yield "its prompt's ids are not its prompt"
        yield from self._dialogue(row, parts, codec)

    def _dialogue(self, row: Row, parts: Parts, codec: TextCodec) -> Iterator[str]:
        """Texts, turns and roles, as they follow from the ids."""
        window, place = WindowId(row["window"]), (row["window"], row["miner"], row["checkpoint_version"])
        if place not in self._mandates:
            miner: Address = bytes.fromhex(row["miner"][2:])
            self._mandates = {place: self._node.mandates(window, miner, codec.checkpoint, codec)}
        try:
            played = self._mandates[place].dialogue(row["group"]).play(parts.tokens)
        except BadSubmission as error:
            yield f"its ids are no rollout: {error}"
            return
        if messages_of(played) != list(row["messages"]):
            yield "its completion is not that of its ids"
        if (played.turns, played.finish) != (row["turns"], row["finish"]):
            yield "its turns are not those of its ids"
        if roles_of(codec, parts.tokens, played) != [int(role) for role in row["roles"][len(parts.prompt) :]]:
            yield "its roles are not those of its ids"

    def _of(self, row: Row) -> dict[tuple[int, int], list[str]] | str:
        """Who was dealt what of the row's submission; a text where the chain has no such submission."""
        place = (row["window"], f"{row['miner']} {row['root']} {row['transaction']} {row['checkpoint_version']}")
        if place not in self._readers:
            self._readers[place] = self._asked(row)
        return self._readers[place]

    def _asked(self, row: Row) -> dict[tuple[int, int], list[str]] | str:
        miner: Address = bytes.fromhex(row["miner"][2:])
        window, subnet = WindowId(row["window"]), self._node.subnet
        found, entry = reckon(subnet, window), subnet.commitment(window, miner)
        if found is None or entry is None or "0x" + entry.root.hex() != row["root"]:
            return "its root was not committed by its miner in its window"
        if entry.checkpoint_version != row["checkpoint_version"]:
            return "it was committed for another checkpoint"
        if "0x" + subnet.commitment_transactions(window)[miner].hex() != row["transaction"]:
            return "it was committed in another transaction"
        if entry not in found.accepted():
            return "its submission is not accepted"
        return audited_by(self._node, found, entry)

    def _codec(self, version: int) -> TextCodec:
        if version not in self._codecs:
            checkpoint = self._node.checkpoints.fetch(self._node.subnet.checkpoint(CheckpointVersion(version)))
            self._codecs[version] = TextCodec(checkpoint)
        return self._codecs[version]


def _check_pairs(folder: Path, texts: dict[str, Row], count: int, found: Checked) -> None:
    pairs = read_pairs(folder) if count else []
    if len(pairs) != count:
        found.blame(-1, f"{PAIRS} has {len(pairs)} pairs, the manifest {count}")
    for pair in pairs:
        better, worse = (texts.get(pair[f"{side}_leaf"]) for side in ("chosen", "rejected"))
        if better is None or worse is None:
            found.blame(-1, f"a pair names rows that are not there: {pair['chosen_leaf']}")
            continue
        said = (pair["prompt"], pair["prompt"], pair["chosen"], pair["rejected"], pair["margin_micro"])
        is_ = (better["prompt"], worse["prompt"], better["completion"], worse["completion"])
        if said != (*is_, better["reward_micro"] - worse["reward_micro"]):
            found.blame(-1, f"a pair is not its rows: {pair['chosen_leaf']}")


def _drawn(rows: int, count: int, seed: int) -> frozenset[int]:
    """Numbers of the rows to replay."""
    if count <= 0 or rows <= 0:
        return frozenset()
    order = Draws(keccak256(FORMAT.encode() + seed.to_bytes(8, "big", signed=True)))
    return frozenset(order.permutation(rows)[:count])


def _replay(node: Node, taken: list[tuple[int, Row]], found: Checked) -> None:
    """Did the checkpoint sample these tokens, with the noise that their place mandates?"""
    by_window: dict[tuple[int, int], list[tuple[int, Row]]] = defaultdict(list)
    for number, row in taken:
        by_window[row["window"], row["checkpoint_version"]].append((number, row))
    for (window, version), rows in by_window.items():
        checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(CheckpointVersion(version)))
        requests = []
        for _, row in rows:
            parts, problem = parts_of(row), bytes.fromhex(row["problem_key"][2:])
            environment = node.environments.by_id(row["environment"])
            rules = rules_of(checkpoint, environment)
            key = keys.rollout_key(problem, checkpoint.fingerprint, rules, row["index"])
            requests.append(ReplayRequest(parts.prompt, key, parts.tokens, parts.bridges))
        traces = node.engine(checkpoint).replay(requests, node.sketch_plan(WindowId(window)))
        largest = profile_of(checkpoint).outlier_margin
        for (number, _), trace in zip(rows, traces, strict=True):
            found.replayed += 1
            if float(trace.strays.max()) > largest:
                found.blame(number, f"a token is {float(trace.margins.max()):.3g} nats from what the model samples")
