"""Reports of validators and trainers: claims beside the chain, whoever lies, hides or shouts."""

import pytest
from sqlalchemy import select

from explorer.index.follow import Follower, rebuild
from explorer.index.reports import FIRST_PAUSE, Reports
from explorer.views.base import WORDS, Look
from explorer.views.training import training, version
from explorer.views.why import why
from grail.protocol.hashing import keccak256
from grail.protocol.records import Role
from grail.protocol.reports import AuditReport, Said
from grail.storage import chain_tables as t
from grail.storage.database import Database
from grail.storage.file_store import FileStore
from simulation.adversaries import ATTACKS
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from simulation.redteam import LEDGER
from tests.explorer.conftest import HOSTILE, WINDOWS, fill


def test_what_seats_say_of_why_is_shown_beside_their_sheets(played, indexed):
    neurons = {part.signer.address: part for part in played.network.parts}
    with indexed.reading() as connection:
        look, judged, agreed = Look(connection), 0, 0
        for address, part in neurons.items():
            for window in range(WINDOWS - 1):
                found = why(look, "0x" + address.hex(), window)
                assert bool(found["claims"]) <= (part.role is Role.MINER)
                for row in found["claims"]:
                    assert row["report"] == "read" and row["claim"]["agrees"], row
                    judged += 1
                    bad = row["claim"]["outcome"] in ("reject", "fault")
                    agreed += bad
                    assert not bad or (row["claim"]["decades"] > 0 or row["claim"]["reason"])
        assert judged > 6 and agreed, "nobody was rejected: this shows nothing"


def test_a_trainers_claims_are_a_curve_and_pages_of_samples(played, indexed):
    with indexed.reading() as connection:
        look = Look(connection)
        found = training(look)
        said = [row for row in found["versions"] if row["reward"] is not None]
        assert said and all(0 < row["error"] < 1 for row in said)
        assert [row["report"] for row in found["versions"]][
            -1
        ] == "came without a report"  # what the network began with
        newest = version(look, said[0]["version"])
        assert newest["parent_version"] == newest["version"] - 1
        assert newest["samples"] and all(one["prompt"] and one["miner"][:2] == "0x" for one in newest["samples"])
        assert len(said) > 1 and {curve["name"] for curve in found["curves"]} >= {"reward", "entropy"}
        behind = {row["version"]: row for row in found["points"]}
        for curve in found["curves"]:
            assert all(behind[point["version"]][curve["name"]] == point["value"] for point in curve["points"])


@pytest.fixture()
def sheet(played, tmp_path):
    """An index, and a sheet of it whose report a test may choose."""
    database = Database(f"sqlite:///{tmp_path / 'rows.sqlite'}")
    Follower(played.network.subnet, database).catch_up()
    with database.reading() as connection:
        seat = connection.execute(select(t.SEATS).where(t.SEATS.c.word == WORDS.index("accept"))).mappings().first()
        where = [t.SHEETS.c.window == seat["window"], t.SHEETS.c.validator == seat["validator"]]
        row = connection.execute(select(t.SHEETS).where(*where)).mappings().one()
        where = [t.COMMITMENTS.c.window == seat["window"], t.COMMITMENTS.c.number == seat["number"]]
        miner = connection.scalar(select(t.COMMITMENTS.c.miner).where(*where))
    return database, row, miner


def reported(database: Database, row, data: bytes, folder) -> dict:
    """What becomes of a report that says `data`."""
    store = FileStore(folder / "store")
    name = "0x" + store.put(data).hex()
    with database.writing() as connection:
        connection.execute(t.SHEETS.update().where(t.SHEETS.c.place == row["place"]).values(report=name))
    Reports(database, store, private=False).step()
    known = t.AUDIT_REPORTS
    where = [known.c.window == row["window"], known.c.validator == row["validator"]]
    with database.reading() as connection:
        return dict(connection.execute(select(known).where(*where)).mappings().one())


def test_a_report_that_contradicts_its_sheet_is_said_to(sheet, tmp_path):
    database, row, miner = sheet
    said = {miner: Said(outcome="fault", check="reward", reason=HOSTILE[0] + HOSTILE[3], place=(1, 2), evidence=12_345)}
    lie = AuditReport(version=1, window=row["window"], validator=row["validator"], verdicts=said)
    assert reported(database, row, lie.encode(), tmp_path)["state"] == "read"
    with database.reading() as connection:
        found = [c for c in why(Look(connection), miner, row["window"])["claims"] if c["validator"] == row["validator"]]
    assert found[0]["word"] == "accept" and not found[0]["claim"]["agrees"]
    assert found[0]["claim"]["decades"] == 12.345 and "<script>" in found[0]["claim"]["reason"]


@pytest.mark.parametrize("what", ["of another", "of another window", "written otherwise", "too long", "noise"])
def test_what_is_no_report_of_theirs_claims_nothing(sheet, tmp_path, what):
    database, row, miner = sheet
    names = {"window": row["window"], "validator": row["validator"]}
    names |= {"of another": {"validator": miner}, "of another window": {"window": 99}}.get(what, {})
    data = AuditReport(version=1, **names, verdicts={miner: Said(outcome="reject", check="replay")}).encode()
    data = {"written otherwise": data + b" ", "too long": b"{" * 100_000, "noise": b"\xff\x00["}.get(what, data)
    assert reported(database, row, data, tmp_path)["state"] == "odd"
    with database.reading() as connection:
        claims = why(Look(connection), miner, row["window"])["claims"]
        (own,) = [claim for claim in claims if claim["validator"] == row["validator"]]
    assert own["claim"] is None and own["report"] == "what it named is no report"


def test_what_nobody_delivers_is_asked_for_later_and_then_no_more(sheet, tmp_path):
    database, row, miner = sheet
    now = [1_000]
    reports = Reports(database, FileStore(tmp_path / "empty"), private=False, clock=lambda: now[0])
    asked = []
    for _ in range(12):
        asked.append(reports.step())
        assert reports.step() == 0
        now[0] += FIRST_PAUSE * 4**9
    assert asked[0] > 3 and asked[0] == asked[7] and asked[8:] == [0] * 4
    with database.reading() as connection:
        claims = why(Look(connection), miner, row["window"])["claims"]
        assert {claim["report"] for claim in claims} == {"nobody delivers its report"}


def test_claims_outlive_a_rebuild_and_a_digest_that_a_reorganisation_takes_away_is_asked_anew(played, indexed):
    def claims() -> list:
        with indexed.reading() as connection:
            return [dict(row) for row in connection.execute(select(t.AUDIT_CLAIMS)).mappings()]

    before = claims()
    rebuild(indexed)
    assert claims() == before
    with indexed.writing() as connection:
        connection.execute(t.AUDIT_REPORTS.update().values(digest="0x" + keccak256(b"another block").hex()))
    assert Reports(indexed, played.network.store, private=False).step() > 3
    assert sorted(map(str, claims())) == sorted(map(str, before))


@pytest.mark.slow
def test_no_attack_of_the_red_team_leaves_a_neuron_without_a_reason(tmp_path):
    """Every known cheat works in one network: each has a reason, each rejection a check and evidence or words."""
    attacks = tuple(name for name, kind in ATTACKS.items() if kind.family() != LEDGER)
    options = LocalnetOptions(
        windows=2, miners=1, cheats=len(attacks), attacks=attacks, validators=3, groups=4, lies=(), threads=1
    )
    network = LocalNetwork(options, tmp_path / "run")
    for _ in range(2):
        assert network.advance().right
    database = Database(f"sqlite:///{tmp_path / 'rows.sqlite'}")
    fill(database, network)
    unknown, rejections, claims = [], 0, 0
    with database.reading() as connection:
        look = Look(connection)
        for neuron in look.neurons:
            for window in range(2):
                found = why(look, neuron, window)
                known = bool(found["code"] and found["words"])
                for row in found["claims"]:
                    claims += row["claim"] is not None
                    rejections += row["word"] == "reject"
                    known &= row["claim"] is not None and bool(row["claim"]["words"]) and row["claim"]["agrees"]
                    known &= row["word"] != "reject" or bool(row["claim"]["reason"])
                unknown += [] if known else [(look.name(neuron), window, found)]
    assert unknown == [] and rejections > len(attacks) and claims > rejections
