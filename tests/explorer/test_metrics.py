"""Numbers for Prometheus, and boards none of whose panels is empty on a network that has played."""

import json
import re
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from explorer.index.follow import Follower
from explorer.web import explorer_app
from grail.storage import chain_tables as t
from grail.storage.database import Database
from grail.telemetry.meters import Prometheus, numbers_of
from neurons.devnet.layout import free_ports

GRAFANA = Path(__file__).resolve().parents[2] / "deploy/grafana"
BOARDS = sorted(GRAFANA.glob("*.json"))
NAME = re.compile(r"\bgrail_\w+")


@pytest.fixture(scope="module")
def told(played, tmp_path_factory) -> tuple[Database, dict[str, float]]:
    """The index, and the network's numbers by name, those without labels."""
    database = Database.in_file(tmp_path_factory.mktemp("metrics") / "rows.sqlite")
    Follower(played.network.subnet, database).catch_up()
    return database, scraped(database)


def scraped(database: Database) -> dict[str, float]:
    with TestClient(explorer_app(database)) as client:
        families = text_string_to_metric_families(client.get("/metrics").text)
        return {sample.name: sample.value for family in families for sample in family.samples}


@pytest.fixture(scope="module")
def known(played, told) -> set[str]:
    """Names of the explorer's numbers and of those that the nodes' duties have noted."""
    meter = Prometheus("127.0.0.1", free_ports(1)[0])
    try:
        for part in played.network.parts:
            for window in range(3):
                for duty in ("solve", "pledge", "contest", "claim", "seat", "audit", "reveal-scores", "check-audits",
                             "settle", "learn"):  # fmt: skip
                    note = played.network.journal.note(part.name, duty, window)
                    if note is not None:
                        meter.note(part.name, duty, window, numbers_of(note))
        families = text_string_to_metric_families(generate_latest(meter.registry).decode())
        return {family.name for family in families} | set(told[1])
    finally:
        meter.server.shutdown()
        meter.server.server_close()


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_panel_has_its_numbers(path, known):
    board = json.loads(path.read_text())
    assert board["panels"] and len({panel["title"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        names = {name for target in panel["targets"] for name in NAME.findall(target["expr"])}
        assert names and names <= known, (panel["title"], names - known)


def test_every_alert_has_its_numbers(known):
    groups = yaml.safe_load((GRAFANA / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 6
    for rule in rules:
        names = set(NAME.findall(rule["expr"]))
        assert names and names <= known and rule["annotations"]["summary"], rule["alert"]


def test_the_numbers_are_the_networks(played, told):
    database, numbers = told
    subnet = played.network.subnet
    assert numbers["grail_index_block"] == numbers["grail_head_block"] == subnet.chain.head().number
    assert numbers["grail_settled_window"] == 2 and numbers["grail_unsettled_windows"] == 0
    assert numbers["grail_supply_gap_wei"] == 0 and numbers["grail_paused"] == 0
    with database.engine.begin() as connection:
        where = [t.BALANCES.c.until.is_(None), t.BALANCES.c.account == f"0x{played.holder.hex()}"]
        connection.execute(update(t.BALANCES).where(*where).values(amount=7))
    assert scraped(database)["grail_supply_gap_wei"] > 0, "an alert that cannot fire"
