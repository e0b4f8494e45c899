"""Windows, commitments, sheets, statements of what windows pay, checkpoints."""

from collections.abc import Mapping
from typing import Any

from explorer.index.writer import Writer
from grail.storage.chain_tables import (
    CHECKPOINTS,
    COMMITMENTS,
    DUELS,
    PLEDGES,
    REFUTATIONS,
    ROUNDS,
    SHEET_COMMITMENTS,
    SHEETS,
    STATEMENTS,
    WINDOWS,
)

NOTHING = "0x" + "00" * 32


def _opened(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    known = {} if w.now(WINDOWS, int(f["window"])) else {"challenge": NOTHING}
    w.hold(place, WINDOWS, (int(f["window"]),), beacon=f["beacon"], **known)


def _sealed(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    known = {} if w.now(WINDOWS, int(f["window"])) else {"beacon": NOTHING}
    w.hold(place, WINDOWS, (int(f["window"]),), challenge=f["challenge"], **known)


def _round(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(ROUNDS, place=place, window=int(f["window"]), moment=int(f["moment"]), round=int(f["round"]))


def _committed(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    entry = f["commitment"]
    w.add(
        COMMITMENTS, place=place, window=int(f["window"]), number=int(f["number"]), miner=f["miner"].lower(),
        groups=int(entry["groups"]), worth=int(entry["worth"]), version=int(entry["checkpointVersion"]),
        root=entry["root"], blob=entry["blobDigest"],
    )  # fmt: skip


def _pledged(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(PLEDGES, place=place, miner=f["miner"], window=int(f["from"]), groups=int(f["groups"]))


def _published(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(
        CHECKPOINTS, place=place, version=int(f["version"]), fingerprint=f["fingerprint"], manifest=f["manifest"],
        active_from=int(f["activeFrom"]), publisher=f["publisher"],
    )  # fmt: skip


def _sheet_committed(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(SHEET_COMMITMENTS, place=place, window=int(f["window"]), validator=f["validator"])


def _sheet(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    values = {"window": int(f["window"]), "validator": f["validator"]}
    w.add(SHEETS, place=place, entries=f["entries"], report=f["report"], **values)


def _statement(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    terms = f["terms"]
    w.add(
        STATEMENTS, place=place, window=int(f["window"]), number=int(f["id"]), proposer=f["proposer"],
        root=terms["root"], whole=int(terms["whole"]), due=int(terms["due"]), earned=int(terms["earned"]),
        emission=int(f["emission"]), until_clock=int(f["until"]),
    )  # fmt: skip


def _refuted(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    numbers = {"window": int(f["window"]), "number": int(f["id"]), "leaf": int(f["leaf"])}
    w.add(REFUTATIONS, place=place, challenger=f["challenger"], **numbers)


def _duel(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(
        place, DUELS, (int(f["duel"]),), window=int(f["window"]), a=int(f["a"]), b=int(f["b"]), leaf=0, depth=0,
        until_clock=int(f["until"]), ended=False, a_stands=True, b_stands=True,
    )  # fmt: skip


def _descended(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    values = {"leaf": int(f["index"]), "depth": int(f["depth"]), "until_clock": int(f["until"])}
    w.hold(place, DUELS, (int(f["duel"]),), **values)


def _duel_ended(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, DUELS, (int(f["duel"]),), ended=True, a_stands=bool(f["aStands"]), b_stands=bool(f["bStands"]))


PROJECTIONS = {
    ("RolloutLedger", "WindowOpened"): _opened,
    ("RolloutLedger", "WindowSealed"): _sealed,
    ("RolloutLedger", "RoundCalled"): _round,
    ("RolloutLedger", "Committed"): _committed,
    ("RolloutLedger", "Pledged"): _pledged,
    ("CheckpointRegistry", "CheckpointPublished"): _published,
    ("ScoreBoard", "ScoresCommitted"): _sheet_committed,
    ("ScoreBoard", "ScoresRevealed"): _sheet,
    ("ScoreBoard", "SettlementProposed"): _statement,
    ("ScoreBoard", "SettlementRefuted"): _refuted,
    ("ScoreBoard", "DuelOpened"): _duel,
    ("ScoreBoard", "DuelDescended"): _descended,
    ("ScoreBoard", "DuelEnded"): _duel_ended,
}
