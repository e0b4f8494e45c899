"""Work: checkpoints, commitments, score sheets."""

from typing import Any

from grail.chain.accounts import Signer
from grail.chain.base import Receipt
from grail.chain.contract import ChainEvent
from grail.chain.subnet.statements import Statements
from grail.errors import BadInput
from grail.protocol.commitment import commitment_digest, commitment_values, signing_hash
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.records import CheckpointRecord, Commitment, ScoreReveal
from grail.protocol.units import Address, BlockNumber, CheckpointVersion, Digest, WindowId

NUMBERED = 28
"""Bytes of a stored commitment that are its digest; the rest is its number."""


class Work(Statements):
    """CheckpointRegistry, RolloutLedger, and the score half of the ScoreBoard."""

    # Checkpoints

    def publish(self, signer: Signer, record: CheckpointRecord) -> Receipt:
        """Publish a checkpoint; version, active_from and publisher of `record` are the contract's to set."""
        return self.contracts["CheckpointRegistry"].send(
            signer,
            "publish",
            record.fingerprint,
            record.parent,
            record.manifest,
            record.rules_hash,
            record.calibration,
            record.proof_scheme,
        )

    def is_approved(self, trainer: Address) -> bool:
        """May this trainer publish? Token holders decide."""
        return self.contracts["CheckpointRegistry"].call("approved", trainer)

    def active_checkpoint(self, window: WindowId) -> CheckpointRecord | None:
        """The version that miners must use in a window that has begun; None when there was none."""
        if window not in self._active:
            version = self.contracts["CheckpointRegistry"].call("activeVersion", window)
            self._active[window] = CheckpointVersion(version)
        return self.checkpoint(self._active[window]) if self._active[window] else None

    def latest_version(self) -> CheckpointVersion:
        """Newest version; 0 when there is none."""
        return CheckpointVersion(self.contracts["CheckpointRegistry"].call("latestVersion"))

    def checkpoint(self, version: CheckpointVersion) -> CheckpointRecord:
        """One version's record."""
        if version not in self._records:
            raw = self.contracts["CheckpointRegistry"].call("checkpoint", version)
            self._records[version] = CheckpointRecord(
                version=version,
                fingerprint=raw["fingerprint"],
                parent=raw["parent"],
                manifest=raw["manifest"],
                rules_hash=raw["rulesHash"],
                calibration=raw["calibration"],
                proof_scheme=raw["proofScheme"],
                active_from=WindowId(raw["activeFrom"]),
                publisher=raw["publisher"],
            )
        return self._records[version]

    # Rollouts

    def groups_allowed(self, window: WindowId, miner: Address) -> int:
        """Groups that the miner's stake covers. More than it has pledged are not paid."""
        return self._ledger.call("groupsAllowed", window, miner)

    def groups_covered(self, miner: Address) -> int:
        """Groups that the stake of now covers, by the policy of now: what a pledge is measured by."""
        policy = self.latest_policy()
        stake = self.contracts["StakeVault"].call("stakeOf", miner)
        return min(stake // policy.bond_per_group, policy.max_groups)

    def pledge(self, signer: Signer, groups: int) -> Receipt:
        """Fix how many groups the signer's miner delivers, from the window after the next on."""
        return self._ledger.send(signer, "pledge", groups)

    def pledged(self, window: WindowId, miner: Address) -> int:
        """Groups that a miner has pledged for a window."""
        return self._ledger.call("pledgeOf", window, miner)

    def pledges(self, window: WindowId) -> dict[Address, int]:
        """Groups that every miner has pledged for a window that has begun, from the ledger's events.

        What is in force was said before the window before began. Events up to there are read once, in order.
        """
        last = self.schedule.start(WindowId(max(window, 1) - 1)) - 1
        if last > self._pledges_read:
            logs = self.chain.logs([self._ledger.address], BlockNumber(self._pledges_read + 1), BlockNumber(last))
            events = [event for event in map(self._ledger.event, logs) if event is not None and event.name == "Pledged"]
            self._pledged += [(event.fields["from"], event.fields["miner"], event.fields["groups"]) for event in events]
            self._pledges_read = last
        return {miner: groups for since, miner, groups in self._pledged if since <= window}

    def commit(self, signer: Signer, entry: Commitment) -> Receipt:
        """Commit a submission. Raises Contradiction where the signer has committed to another one."""
        self._state_commitment(signer, entry, whatever_beacon=False)
        last = self.schedule.commit_deadline(entry.window)
        return self._ledger.send(signer, "commit", commitment_values(entry), last=last)

    def commit_for(self, payer: Signer, entry: Commitment, signature: bytes) -> Receipt:
        """Commit a submission for a miner whose hotkey signed it."""
        return self._ledger.send(payer, "commitFor", commitment_values(entry), signature)

    def sign_commitment(self, hotkey: Signer, entry: Commitment) -> bytes:
        """The hotkey's EIP-712 signature: it holds whatever the beacon is, and two different ones for one window are a
        fault. Raises Contradiction where the hotkey has committed to another one.
        """
        self._state_commitment(hotkey, entry, whatever_beacon=True)
        return hotkey.sign_hash(signing_hash(self.chain.chain_id, self.ledger_address, entry))

    def commitment(self, window: WindowId, miner: Address) -> Commitment | None:
        """A miner's commitment; None when it made none."""
        return next((entry for entry in self.commitments(window) if entry.miner == miner), None)

    def commitments(self, window: WindowId) -> list[Commitment]:
        """All commitments of a window, in order. The ledger stores one word for each; the event says the rest."""
        return [self._commitment(event) for event in self._committed(window)]

    def commitment_transactions(self, window: WindowId) -> dict[Address, Digest]:
        """In which transaction each miner committed."""
        return {event.fields["miner"]: event.transaction for event in self._committed(window)}

    def _committed(self, window: WindowId) -> list[ChainEvent]:
        first, last = self.schedule.start(window), self.schedule.commit_deadline(window)
        return self._listed(
            "commitments",
            window,
            last,
            lambda: self._window_events("RolloutLedger", "Committed", window, BlockNumber(first + 1), last),
            lambda found: len(found) == self._ledger.call("countOf", window),
        )

    def committers(self, window: WindowId) -> list[Address]:
        """Miners that committed in a window, in order."""
        return [entry.miner for entry in self.commitments(window)]

    def _commitment(self, event: ChainEvent) -> Commitment:
        raw = event.fields["commitment"]
        return Commitment(
            window=WindowId(event.fields["window"]),
            miner=event.fields["miner"],
            root=bytes(raw["root"]),
            blob_digest=bytes(raw["blobDigest"]),
            n_groups=raw["groups"],
            checkpoint_version=CheckpointVersion(raw["checkpointVersion"]),
            worth=raw["worth"],
        )

    def require_stored(self, entry: Commitment) -> None:
        """Raise BadInput unless the ledger's word is this commitment's: the node's events are not believed blindly."""
        stored = self._ledger.call("commitmentOf", entry.window, entry.miner)
        if stored[:NUMBERED] != commitment_digest(entry)[:NUMBERED]:
            raise BadInput(f"the node's events and the ledger disagree on a commitment of window {entry.window}")

    # Scores

    def commit_scores(self, signer: Signer, window: WindowId, commitment: Digest) -> Receipt:
        """Commit to a sheet. Raises Contradiction where the signer has committed to another one."""
        self._state_scores(signer, window, commitment)
        last = self.schedule.score_deadline(window)
        return self._board.send(signer, "commitScores", window, commitment, last=last)

    def score_commitment(self, window: WindowId, validator: Address) -> Digest | None:
        """A validator's score commitment (the sheet's hash once it is revealed); None when it made none."""
        stored = self._board.call("scoreCommit", window, validator)
        return stored if any(stored) else None

    def reveal_scores(self, signer: Signer, window: WindowId, entries: bytes, report: Digest, salt: Digest) -> Receipt:
        """Open the commitment: the sheet, and the digest of the report in the object store."""
        last = self.schedule.reveal_deadline(window)
        return self._board.send(signer, "revealScores", window, entries, report, salt, last=last)

    def reveals(self, window: WindowId) -> list[ScoreReveal]:
        """All reveals of a window, in order."""
        first, last = self.schedule.score_deadline(window), self.schedule.reveal_deadline(window)
        events = self._listed(
            "sheets",
            window,
            last,
            lambda: self._window_events("ScoreBoard", "ScoresRevealed", window, BlockNumber(first + 1), last),
            lambda found: self._are_all(window, found),
        )
        return [
            ScoreReveal(
                window=window,
                validator=event.fields["validator"],
                entries=event.fields["entries"],
                report=event.fields["report"],
            )
            for event in events
        ]

    def convicted_in_time(self, window: WindowId) -> frozenset[Address]:
        """Miners that were convicted for a window up to its reveal deadline: their worth does not count."""
        first, last = self.schedule.start(window), self.schedule.reveal_deadline(window)
        events = self._listed(
            "convictions",
            window,
            last,
            lambda: self._window_events("FaultCourt", "FaultProven", window, first, self.chain.head().number),
            lambda found: len(found) == self.contracts["FaultCourt"].call("convictions", window),
        )
        return frozenset(event.fields["accused"] for event in events if event.block <= last)

    def _are_all(self, window: WindowId, reveals: list[ChainEvent]) -> bool:
        """Are these the sheets that the board holds, of everybody in the active set?"""
        line = [place.holder for place in self.active_line(window) if place.stake]
        shown = {event.fields["validator"]: keccak256(event.fields["entries"]) for event in reveals}
        stored = self._board.call("sheetsOf", window, line)
        held = {who: word for who, word in zip(line, stored, strict=True) if any(word)}
        return held == {who: digest[:-1] + bytes([digest[-1] | 1]) for who, digest in shown.items()}


def abi_leaf(leaf: RolloutLeaf) -> tuple[Any, ...]:
    """A leaf as the contract's struct."""
    return tuple(leaf.values())
