"""Settlements as weights of a Bittensor subnet: once an epoch, the newest window that is settled.

A submission is signed, journalled, and only then sent; who is killed in between finds it in the journal, asks the chain
what became of it, and sends the *same* bytes again where they can still be included. Another one is signed where they
cannot. So no epoch sees two. What the chain then holds is read back and compared.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from grail.chain.bittensor.base import Metagraph, NativeChain, Peer, Reason, Signed, WeightsRefused
from grail.chain.bittensor.binding import bind
from grail.chain.bittensor.weights import Row, rows_of, vector_of
from grail.chain.subnet import Subnet
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import reckon

EPOCH = "mirror: epoch"
"""What the journal knows an epoch's submission by, under the epoch's number."""
BLOCKS = 16
"""For which a signature is good: a power of two. Nothing is signed where the epoch ends before it."""
LOOK_SECONDS = 6.0
UNANSWERED = 3
"""Epochs after which a commitment that nobody revealed is given up."""
SLACK = 4
"""Blocks that may pass between reading and signing."""
SIGNED, SENT, DONE, FAILED, EXPIRED = "signed", "sent", "done", "failed", "expired"


class MirrorWeights:
    """For the newest settled window; older ones are passed over."""

    name = "mirror-weights"

    def __init__(
        self, node: Node, native: NativeChain, netuid: int, burn_uid: int | None = None, *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._node = node
        self._native = native
        self._netuid = netuid
        self._burn_uid = burn_uid
        self._clock = clock
        self._looked = float("-inf")
        self._told: tuple[Reason, int] | None = None

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """Once it can be settled."""
        return block > schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """The note says what was set, or why nothing was; None while the window or the epoch has to be waited for."""
        if _newer_is_settled(self._node.subnet, window):
            return {"mirrored": False, "reason": "a newer window is settled"}
        if not self._node.subnet.round(window).closed or self._node.subnet.contracts["PauseSwitch"].call("paused"):
            return None
        if self._clock() - self._looked < LOOK_SECONDS:
            return None
        self._looked = self._clock()
        graph = self._native.metagraph(self._netuid)
        self._look_after(graph)
        try:
            return self._mirror(window, graph)
        except WeightsRefused as refused:
            return self._refused(window, graph, refused)

    def _mirror(self, window: WindowId, graph: Metagraph) -> Note | None:
        known = self._note(graph.epoch)
        if known is not None and known["state"] == SIGNED:
            known = self._follow(graph.epoch, known, graph)
        if known is None or known["state"] == EXPIRED:
            known = self._sign(window, graph)
        if known is None or known["window"] != window:
            return None  # this epoch has its weights, or is about to end: the next one takes this window's
        said = {"epoch": graph.epoch, "state": known["state"], "count": len(known["vector"])}
        return {"mirrored": known["state"] != FAILED, "reason": known.get("reason", ""), **said}

    def _sign(self, window: WindowId, graph: Metagraph) -> dict[str, Any] | None:
        """Sign, journal, send; None where too little of the epoch is left."""
        peer = require_fit(graph, self._native.hotkey)
        if graph.blocks_left < BLOCKS + SLACK:
            return None
        vector = vector_of(window_rows(self._node.subnet, window, graph, self._burn_uid), graph.rules, peer.uid)
        signed = self._native.sign_weights(self._netuid, vector, graph.rules.version_key, BLOCKS)
        note = {**asdict(signed), "window": window, "uid": peer.uid, "vector": [list(pair) for pair in vector]}
        note |= {"state": SIGNED, "commit": graph.rules.commit_reveal}
        self._keep(graph.epoch, note)
        return self._follow(graph.epoch, note, graph)

    def _follow(self, epoch: int, note: dict[str, Any], graph: Metagraph) -> dict[str, Any]:
        """See a signed submission to its end; gives the note of it. Raises where that is not known: then it is asked
        for again.
        """
        if self._native.nonce() <= note["nonce"]:
            if graph.block > note["last"]:
                return self._keep(epoch, note | {"state": EXPIRED})
            try:
                self._native.send(_signed(note))
            except WeightsRefused as refused:
                if self._native.nonce() <= note["nonce"]:
                    raise  # the pool has not taken it: the same bytes are tried again until they expire
                self._node.log.error("the chain refused weights", reason=str(refused), epoch=epoch)
                return self._keep(epoch, note | {"state": FAILED, "reason": str(refused.reason)})
        return self._compare(epoch, self._keep(epoch, note | {"state": SENT}))

    def _look_after(self, graph: Metagraph) -> None:
        """Finish what earlier epochs have left: submissions whose end is not known, commitments not revealed."""
        for epoch in range(max(0, graph.epoch - UNANSWERED), graph.epoch + 1):
            note = self._note(epoch)
            if note is None:
                continue
            if note["state"] == SIGNED and epoch < graph.epoch:
                self._follow(epoch, note, graph)
            elif note["state"] == SENT:
                self._compare(epoch, note, late=epoch + graph.rules.reveal_epochs + 1 < graph.epoch)

    def _compare(self, epoch: int, note: dict[str, Any], *, late: bool = False) -> dict[str, Any]:
        """Read the weights back: what was sent, or nothing yet of a commitment, or something else."""
        found = [list(pair) for pair in self._native.weights_of(self._netuid, note["uid"])]
        if found == note["vector"]:
            return self._keep(epoch, note | {"state": DONE})
        if note["commit"] and not late:
            return note
        self._node.log.error(
            "the subnet holds other weights than were sent", reason=str(Reason.ALTERED), epoch=epoch,
            window=note["window"], sent=len(note["vector"]), found=len(found),
        )  # fmt: skip
        return self._keep(epoch, note | {"state": FAILED, "reason": str(Reason.ALTERED)})

    def _refused(self, window: WindowId, graph: Metagraph, refused: WeightsRefused) -> Note | None:
        """Say it once an epoch. What the window itself lacks ends its turn; everything else may still change."""
        if self._told != (refused.reason, graph.epoch):
            self._told = refused.reason, graph.epoch
            self._node.log.warning("no weights set", window=window, reason=str(refused), until=refused.until)
            self._node.meters.note(self._node.name, self.name, window, {f"refused/{refused.reason}": 1})
        if refused.reason in (Reason.NO_SETTLEMENT, Reason.TOO_FEW, Reason.TOO_LARGE):
            return {"mirrored": False, "reason": str(refused.reason)}
        return None

    def _note(self, epoch: int) -> dict[str, Any] | None:
        return self._node.journal.note(self._node.name, f"{EPOCH} of {self._netuid}", epoch)

    def _keep(self, epoch: int, note: dict[str, Any]) -> dict[str, Any]:
        self._node.journal.record(self._node.name, f"{EPOCH} of {self._netuid}", epoch, note)
        return note


def window_rows(subnet: Subnet, window: WindowId, graph: Metagraph, burn_uid: int | None) -> list[Row]:
    """What a settled window gives each bound miner. Raises WeightsRefused."""
    found = reckon(subnet, window)
    if found is None:
        raise WeightsRefused(Reason.NO_SETTLEMENT, f"nobody worked in window {window}")
    leaves = zip(found.commitments, found.leaves, strict=False)
    scores = {entry.miner: leaf.value for entry, leaf in leaves if leaf.holds == 0}
    named = {miner: key for miner in scores if (key := subnet.hotkey_named(miner))}
    return rows_of(scores, found.terms.whole, bind(graph, named), burn_uid)


def require_fit(graph: Metagraph, hotkey: str) -> Peer:
    """The hotkey's slot, where the subnet takes weights of it now. Raises WeightsRefused."""
    peer, rules = graph.by_hotkey(hotkey), graph.rules
    if peer is None:
        raise WeightsRefused(
            Reason.NOT_REGISTERED, f"{hotkey} has no slot in subnet {graph.netuid}: btcli subnet register"
        )
    if not peer.permit:
        raise WeightsRefused(Reason.NO_PERMIT, f"uid {peer.uid} has no validator permit: it needs more stake")
    if peer.stake < rules.stake_threshold:
        raise WeightsRefused(
            Reason.BELOW_STAKE, f"uid {peer.uid} has {peer.stake} rao, the chain wants {rules.stake_threshold}"
        )
    free = peer.last_update + rules.rate_limit
    if peer.last_update and graph.block < free:
        raise WeightsRefused(Reason.RATE_LIMITED, f"uid {peer.uid} may set weights from block {free} on", free)
    return peer


def _newer_is_settled(subnet: Subnet, window: WindowId) -> bool:
    current = subnet.current_window() or 0
    return any(subnet.round(WindowId(number)).closed for number in range(window + 1, current + 1))


def _signed(note: dict[str, Any]) -> Signed:
    names = ("payload", "hash", "nonce", "last", "reveal_round")
    return Signed(**{name: note[name] for name in names})
