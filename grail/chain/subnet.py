"""Subnet: typed calls of our contracts over any Chain. What a role needs to know of the network, it asks here."""

from dataclasses import dataclass
from typing import Any

from grail.chain.accounts import Signer
from grail.chain.base import Chain, Receipt
from grail.chain.deployment import AddressBook, open_contracts
from grail.errors import SettingsError
from grail.governance.policy import BY_NAME, PARAMETERS, Policy
from grail.protocol import keys
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.records import (
    Accusation,
    CheckpointRecord,
    Commitment,
    FaultKind,
    NeuronRecord,
    Role,
    ScoreReveal,
)
from grail.protocol.schedule import Schedule
from grail.protocol.units import Address, BlockNumber, CheckpointVersion, Digest, Wei, WindowId

PAGE = 256
UNLIMITED = 2**256 - 1


@dataclass(frozen=True, slots=True)
class EnvironmentMix:
    """The governed mix of one window: environment digests and integer weights."""

    digests: tuple[Digest, ...]
    weights: tuple[int, ...]

    def mandated(self, problem_key: Digest) -> Digest:
        """Digest of the environment that a problem key draws."""
        return self.digests[keys.environment_index(problem_key, self.weights)]


class Subnet:
    """One network. Windows' constants are remembered once they can no longer change."""

    def __init__(self, chain: Chain, book: AddressBook) -> None:
        """Raises WrongChain when the chain is not the book's."""
        self.chain = chain
        self.book = book
        self.contracts = open_contracts(chain, book)
        self._token = self.contracts["GrailToken"]
        self._policy = self.contracts["RewardPolicy"]
        self._registry = self.contracts["NeuronRegistry"]
        self._checkpoints = self.contracts["CheckpointRegistry"]
        self._ledger = self.contracts["RolloutLedger"]
        self._pool = self.contracts["RewardPool"]
        self._board = self.contracts["ScoreBoard"]
        self._court = self.contracts["FaultCourt"]
        self.schedule = Schedule(**self._ledger.call("schedule"))
        self._policies: dict[int, Policy] = {}
        self._mixes: dict[int, EnvironmentMix] = {}
        self._beacons: dict[int, Digest] = {}
        self._records: dict[int, CheckpointRecord] = {}
        self._reveals: dict[tuple[int, Address], ScoreReveal] = {}
        self._active: dict[int, CheckpointVersion] = {}

    @property
    def ledger_address(self) -> Address:
        """Address that beacons and challenges are bound to."""
        return self._ledger.address

    # Windows

    def current_window(self) -> WindowId | None:
        """Window of the newest block; None before genesis."""
        head = self.chain.head().number
        return self.schedule.window_of(head) if head >= self.schedule.genesis else None

    def policy(self, window: WindowId) -> Policy:
        """Governed values that hold in a window that has begun."""
        if window not in self._policies:
            found, values = self._policy.call("allAt", self.schedule.start(window))
            by_key = {parameter.key: parameter.name for parameter in PARAMETERS}
            named = {by_key[key]: value for key, value in zip(found, values, strict=True) if key in by_key}
            if len(named) != len(BY_NAME):
                raise SettingsError("expected the network's policy to have this version's parameters: update Grail")
            self._policies[window] = Policy(**named)
        return self._policies[window]

    def environments(self, window: WindowId) -> EnvironmentMix:
        """Environment mix that holds in a window that has begun."""
        if window not in self._mixes:
            digests, weights = self._policy.call("environments", self.schedule.start(window))
            self._mixes[window] = EnvironmentMix(tuple(digests), tuple(weights))
        return self._mixes[window]

    def beacon(self, window: WindowId) -> Digest:
        """Public randomness of a window that has begun: the contract's word where it has one."""
        if window not in self._beacons:
            stored = self._ledger.call("beaconOf", window)
            if not any(stored):
                block_hash = self.chain.block_hash(self.schedule.start(window))
                stored = keys.beacon(self.chain.chain_id, self.ledger_address, window, block_hash)
            self._beacons[window] = stored
        return self._beacons[window]

    def challenge(self, window: WindowId) -> Digest | None:
        """Challenge of a sealed window; None while nobody has sealed it."""
        stored = self._ledger.call("challengeOf", window)
        return stored if any(stored) else None

    def seal(self, signer: Signer, window: WindowId) -> Receipt:
        """Fix the challenge on chain."""
        return self._ledger.send(signer, "seal", window)

    # Neurons

    def neuron(self, address: Address) -> NeuronRecord:
        """One neuron; role NONE when it never registered."""
        raw = self._registry.call("neuronOf", address)
        return NeuronRecord(
            address=address,
            role=Role(raw["role"]),
            stake=Wei(raw["stake"]),
            unbonding=Wei(raw["unbonding"]),
            jailed=raw["jailed"],
            endpoint=raw["endpoint"],
        )

    def members(self) -> list[Address]:
        """Every address that ever registered."""
        count = self._registry.call("memberCount")
        return [a for first in range(0, count, PAGE) for a in self._registry.call("membersFrom", first, PAGE)]

    def register(self, signer: Signer, role: Role, endpoint: str, stake: int) -> Receipt:
        """Join with a role and a first stake (wei); approves the registry where that is missing."""
        self._allow(signer, self._registry.address, stake)
        return self._registry.send(signer, "register", int(role), endpoint, stake)

    def is_active(self, address: Address, role: Role) -> bool:
        """May this neuron work in this role now?"""
        return self._registry.call("isActive", address, int(role))

    def balance(self, address: Address) -> Wei:
        """Token balance in wei."""
        return Wei(self._token.call("balanceOf", address))

    def transfer(self, signer: Signer, to: Address, amount: int) -> Receipt:
        """Send tokens (wei)."""
        return self._token.send(signer, "transfer", to, amount)

    # Checkpoints

    def approve_trainer(self, owner: Signer, trainer: Address) -> Receipt:
        """Owner only: let this trainer publish."""
        return self._checkpoints.send(owner, "approve", trainer, True)

    def publish(self, signer: Signer, record: CheckpointRecord) -> Receipt:
        """Publish a checkpoint; version, active_from and publisher of `record` are the contract's to set."""
        return self._checkpoints.send(
            signer,
            "publish",
            record.fingerprint,
            record.parent,
            record.manifest,
            record.rules_hash,
            record.calibration,
            record.proof_scheme,
        )

    def active_checkpoint(self, window: WindowId) -> CheckpointRecord | None:
        """The version that miners must use in a window that has begun; None when there was none."""
        if window not in self._active:
            self._active[window] = CheckpointVersion(self._checkpoints.call("activeVersion", window))
        version = self._active[window]
        return self.checkpoint(version) if version else None

    def latest_version(self) -> CheckpointVersion:
        """Newest version; 0 when there is none."""
        return CheckpointVersion(self._checkpoints.call("latestVersion"))

    def checkpoint(self, version: CheckpointVersion) -> CheckpointRecord:
        """One version's record."""
        if version not in self._records:
            raw = self._checkpoints.call("checkpoint", version)
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
        """Groups that the miner's stake covers."""
        return self._ledger.call("groupsAllowed", window, miner)

    def commit(self, signer: Signer, entry: Commitment) -> Receipt:
        """Commit a submission."""
        return self._ledger.send(
            signer, "commit", entry.window, entry.root, entry.blob_digest, entry.n_groups, entry.checkpoint_version
        )

    def commitment(self, window: WindowId, miner: Address) -> Commitment | None:
        """A miner's commitment; None when it made none."""
        raw = self._ledger.call("commitmentOf", window, miner)
        if not any(raw["root"]):
            return None
        return Commitment(
            window=window,
            miner=miner,
            root=raw["root"],
            blob_digest=raw["blobDigest"],
            n_groups=raw["groups"],
            checkpoint_version=CheckpointVersion(raw["checkpointVersion"]),
        )

    def committers(self, window: WindowId) -> list[Address]:
        """Miners that committed in a window, in order."""
        found: list[Address] = []
        while page := self._ledger.call("committersFrom", window, len(found), PAGE):
            found += page
        return found

    # Scores and money

    def commit_scores(self, signer: Signer, window: WindowId, commitment: Digest) -> Receipt:
        """Commit to a score sheet."""
        return self._board.send(signer, "commitScores", window, commitment)

    def score_commitment(self, window: WindowId, validator: Address) -> Digest | None:
        """A validator's score commitment; None when it made none."""
        stored = self._board.call("scoreCommit", window, validator)
        return stored if any(stored) else None

    def reveal_scores(self, signer: Signer, window: WindowId, root: Digest, sheet: Digest, salt: Digest) -> Receipt:
        """Open the commitment."""
        return self._board.send(signer, "revealScores", window, root, sheet, salt)

    def reveals(self, window: WindowId) -> list[ScoreReveal]:
        """All reveals of a window, in order."""
        return [self._reveal(window, validator) for validator in self._board.call("revealersOf", window)]

    def _reveal(self, window: WindowId, validator: Address) -> ScoreReveal:
        """One reveal; it is bound to its commitment and never changes."""
        if (window, validator) not in self._reveals:
            raw = self._board.call("revealOf", window, validator)
            self._reveals[window, validator] = ScoreReveal(
                window=window,
                validator=validator,
                root=raw["root"],
                sheet_digest=raw["sheetDigest"],
                stake=Wei(raw["stake"]),
            )
        return self._reveals[window, validator]

    def attest(self, signer: Signer, window: WindowId, root: Digest, total: int) -> Receipt:
        """Attest a settlement."""
        return self._board.send(signer, "attestSettlement", window, root, total)

    def has_attested(self, window: WindowId, validator: Address) -> bool:
        """Has this validator attested this window?"""
        return self._board.call("attested", window, validator)

    def settlement(self, window: WindowId) -> tuple[Digest, int, int] | None:
        """(root, total, claimed) of a settled window, wei; None before that."""
        raw = self._pool.call("settlementOf", window)
        return (raw["root"], raw["total"], raw["claimed"]) if raw["settled"] else None

    def claim(self, signer: Signer, window: WindowId, account: Address, amount: int, proof: list[Digest]) -> Receipt:
        """Pay out one account's part of a window."""
        return self._pool.send(signer, "claim", window, account, amount, proof)

    def has_claimed(self, window: WindowId, account: Address) -> bool:
        """Was this payout made?"""
        return self._pool.call("claimedBy", window, account)

    # Faults

    def prove_derivation(
        self, signer: Signer, window: WindowId, miner: Address, leaf: RolloutLeaf, proof: list[Digest]
    ) -> Receipt:
        """Prove a wrong derivation on chain."""
        return self._court.send(signer, "proveDerivationFault", window, miner, abi_leaf(leaf), proof)

    def accuse(self, signer: Signer, window: WindowId, miner: Address, kind: FaultKind, evidence: Digest) -> Receipt:
        """Accuse with a bond; approves the court where that is missing."""
        self._allow(signer, self._court.address, self.policy(window).accusation_bond)
        return self._court.send(signer, "accuse", window, miner, int(kind), evidence)

    def is_accused(self, window: WindowId, miner: Address) -> bool:
        """Was this submission accused already?"""
        return self._court.call("accused", window, miner)

    def is_convicted(self, window: WindowId, miner: Address) -> bool:
        """Was this submission convicted already?"""
        return self._court.call("convicted", window, miner)

    def vote(self, signer: Signer, accusation: int, guilty: bool) -> Receipt:
        """A juror's verdict."""
        return self._court.send(signer, "vote", accusation, guilty)

    def has_voted(self, accusation: int, juror: Address) -> bool:
        """Has this juror voted?"""
        return self._court.call("voted", accusation, juror)

    def resolve(self, signer: Signer, accusation: int) -> Receipt:
        """Close a decided accusation."""
        return self._court.send(signer, "resolve", accusation)

    def accusations(self, first: int = 0) -> list[Accusation]:
        """Accusations from number `first` on."""
        count = self._court.call("accusationCount")
        return [self._accusation(number) for number in range(first, count)]

    def validator_stake(self) -> Wei:
        """Active stake of all validators in wei."""
        return Wei(self._registry.call("activeStake", int(Role.VALIDATOR)))

    def _allow(self, signer: Signer, spender: Address, amount: int) -> None:
        if self._token.call("allowance", signer.address, spender) < amount:
            self._token.send(signer, "approve", spender, UNLIMITED)

    def _accusation(self, number: int) -> Accusation:
        raw = self._court.call("accusationOf", number)
        return Accusation(
            number=number,
            window=WindowId(raw["window"]),
            accused=raw["accused"],
            accuser=raw["accuser"],
            kind=FaultKind(raw["kind"]),
            evidence=raw["evidence"],
            deadline=BlockNumber(raw["deadline"]),
            guilty=Wei(raw["guilty"]),
            innocent=Wei(raw["innocent"]),
            resolved=raw["resolved"],
            convicted=raw["convicted"],
        )


def abi_leaf(leaf: RolloutLeaf) -> tuple:
    """A leaf as the contract's struct."""
    from eth_utils.address import to_checksum_address

    values: list[Any] = list(leaf.values())
    values[1] = to_checksum_address(leaf.miner)
    return tuple(values)
