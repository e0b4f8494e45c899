"""Motions of token holders, their ballots, what they changed, and who has which powers."""

from collections.abc import Mapping
from typing import Any

from explorer.index.writer import SWITCH, Writer
from grail.governance.acts import description_digest
from grail.governance.policy import PARAMETERS
from grail.storage.chain_tables import (
    ADMINISTRATION,
    BALLOTS,
    DELEGATIONS,
    ENVIRONMENTS,
    MOTIONS,
    PAUSED,
    PAUSES,
    POLICY,
    POWER,
    TALLIES,
)

SIDES = ("against", "in_favour", "abstain")
"""By the governor's number."""
NAMES = {"0x" + parameter.key.hex(): parameter.name for parameter in PARAMETERS}


def administration(contract: str, name: str) -> Any:
    """A projection that keeps the event as it is."""

    def project(w: Writer, place: int, f: Mapping[str, Any]) -> None:
        w.add(ADMINISTRATION, place=place, contract=contract, name=name, fields=dict(f))

    return project


def _created(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    calls = [list(call) for call in zip(f["targets"], map(str, f["values"]), f["calldatas"], strict=True)]
    w.hold(
        place, MOTIONS, (str(f["proposalId"]),), proposer=f["proposer"], description=f["description"], calls=calls,
        digest="0x" + description_digest(f["description"]).hex(),
        start=int(f["voteStart"]), end=int(f["voteEnd"]), ready_at=0, stage="open",
    )  # fmt: skip


def _cast(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    number, support, weight = str(f["proposalId"]), int(f["support"]), int(f["weight"])
    w.add(BALLOTS, place=place, number=number, voter=f["voter"], support=support, weight=weight, reason=f["reason"])
    if support < len(SIDES):
        now = w.now(TALLIES, number) or dict.fromkeys(SIDES, 0)
        tally = {side: now[side] + weight * (side == SIDES[support]) for side in SIDES}
        w.hold(place, TALLIES, (number,), **tally)


def _extended(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, MOTIONS, (str(f["proposalId"]),), end=int(f["extendedDeadline"]))


def _queued(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, MOTIONS, (str(f["proposalId"]),), stage="queued", ready_at=int(f["etaSeconds"]))


def _stage(stage: str) -> Any:
    def project(w: Writer, place: int, f: Mapping[str, Any]) -> None:
        w.hold(place, MOTIONS, (str(f["proposalId"]),), stage=stage)

    return project


def _power(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, POWER, (f["delegate"],), votes=int(f["newVotes"]))


def _delegated(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, DELEGATIONS, (f["delegator"],), delegate=f["toDelegate"])


def _parameter(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, POLICY, (NAMES.get(f["key"], f["key"]),), value=int(f["value"]))


def _environments(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, ENVIRONMENTS, ("mix",), **{name: list(f[name]) for name in ("ids", "weights", "rewards")})


def _paused(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    first, until = int(f["from"]), int(f["until"])
    w.add(PAUSES, place=place, first=first, until_block=until)
    last = w.now(PAUSED, *SWITCH) or {"before": 0, "first": 0, "until_block": 0}
    gone = last["before"] + (last["until_block"] - last["first"]) * (first > last["first"])
    w.hold(place, PAUSED, SWITCH, before=gone, first=first, until_block=until)


KEPT = {
    "GrailGovernor": (
        "LateQuorumVoteExtensionSet", "ProposalThresholdSet", "QuorumNumeratorUpdated", "TimelockChange",
        "VotingDelaySet", "VotingPeriodSet",
    ),
    "PauseSwitch": ("GuardianSet",),
    "TimelockController": (
        "CallExecuted", "CallSalt", "CallScheduled", "Cancelled", "MinDelayChange", "RoleAdminChanged", "RoleGranted",
        "RoleRevoked",
    ),
}  # fmt: skip
PROJECTIONS = {
    ("GrailGovernor", "ProposalCreated"): _created,
    ("GrailGovernor", "VoteCast"): _cast,
    ("GrailGovernor", "VoteCastWithParams"): _cast,
    ("GrailGovernor", "ProposalExtended"): _extended,
    ("GrailGovernor", "ProposalQueued"): _queued,
    ("GrailGovernor", "ProposalExecuted"): _stage("executed"),
    ("GrailGovernor", "ProposalCanceled"): _stage("canceled"),
    ("GrailToken", "DelegateVotesChanged"): _power,
    ("GrailToken", "DelegateChanged"): _delegated,
    ("RewardPolicy", "ParameterSet"): _parameter,
    ("RewardPolicy", "EnvironmentsSet"): _environments,
    ("PauseSwitch", "PauseChanged"): _paused,
    **{(contract, name): administration(contract, name) for contract, names in KEPT.items() for name in names},
}
