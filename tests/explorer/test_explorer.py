"""The index equals the chain; the pages show it, and obey nobody's text."""

import json
import random
import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Boolean, Integer, String, func, select, update

from explorer.index.check import check
from explorer.index.follow import rebuild
from explorer.index.projections import EVERYWHERE, PROJECTIONS, UNTOLD
from explorer.stream import Stream
from explorer.views.acts import ACTS
from explorer.views.base import Look
from explorer.views.why import why
from explorer.web import explorer_app
from grail.chain.address_book import NAMES
from grail.chain.contract import artifact
from grail.storage import chain_tables as t
from grail.storage.columns import Wei
from grail.storage.database import Database
from tests.explorer.conftest import HOSTILE, WINDOWS, fill, play
from tests.explorer.rows import dump

PAGES = [
    "/", "/windows", "/windows/0", "/windows/1", "/neurons", "/neurons?role=validator&order=earned", "/validators",
    "/court", "/court/0", "/training", "/training/1", "/training/2", "/votes", "/policy",
    "/policy?window=0", "/money", "/activity",
    "/activity?name=Claimed",
]  # fmt: skip


def test_every_event_of_every_contract_has_a_meaning_or_a_reason():
    events = {(name, e["name"]) for name in NAMES for e in artifact(name)["abi"] if e["type"] == "event"}
    told = {event for event in events if event in PROJECTIONS or event in UNTOLD or event[1] in EVERYWHERE}
    assert events == told
    assert set(PROJECTIONS) | set(UNTOLD) <= events, "of events that no contract has"


def test_the_index_is_what_the_chain_says_and_is_made_anew_the_same(played, indexed):
    found = check(indexed, played.network.subnet)
    assert found.rows > 150 and found.differences == () and found.supply_gap == 0 and found.lag == 0
    before = dump(indexed)
    for table in ("convictions", "cases", "juror_votes", "payouts", "seats", "claims", "motions", "ballots", "duels"):
        assert before[table] or table == "duels", table
    rebuild(indexed)
    assert dump(indexed) == before


@pytest.mark.slow
def test_twenty_windows_are_what_the_chain_says(tmp_path):
    long = play(tmp_path / "run", 20)
    database = Database.in_file(tmp_path / "rows.sqlite")
    fill(database, long.network)
    found = check(database, long.network.subnet)
    assert found.rows > 400 and found.differences == () and found.supply_gap == 0 and found.lag == 0
    before = dump(database)
    rebuild(database)
    assert dump(database) == before


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_check_finds_whatever_is_changed(played, indexed):
    """Fifty columns of rows that a getter answers for, each changed once and put back."""
    dice, subnet, found = random.Random(7), played.network.subnet, 0
    checked = [
        (t.BALANCES, "amount"), (t.POOLS, "stake"), (t.POSITIONS, "shares"), (t.NEURONS, "jailed"), (t.NEURONS, "role"),
        (t.PLACES, "seated"), (t.WINDOWS, "beacon"), (t.SETTLEMENTS, "root"), (t.COMMITMENTS, "miner"),
        (t.PAYOUTS, "amount"), (t.CLAIMS, "amount"), (t.CASES, "stage"), (t.CASES, "accused"), (t.TALLIES, "in_favour"),
        (t.POWER, "votes"), (t.POLICY, "value"), (t.CHECKPOINTS, "manifest"), (t.SUPPLY, "minted"),
    ]  # fmt: skip
    for number in range(50):
        table, column = checked[number % len(checked)]
        keys = list(table.primary_key)
        with indexed.engine.connect() as connection:
            where = [table.c.until.is_(None)] if "until" in table.c else []
            where += [table.c.shares > 0] if table is t.POSITIONS else []
            where += [table.c.amount > 0] if table is t.PAYOUTS else []
            where += [table.c.share < 3] if table is t.CLAIMS else []
            row = dice.choice(connection.execute(select(table).where(*where)).mappings().all())
        place = [key == row[key.name] for key in keys]
        with indexed.engine.begin() as connection:
            connection.execute(update(table).where(*place).values({column: _other(table.c[column].type, row[column])}))
        found += bool(check(indexed, subnet).differences)
        with indexed.engine.begin() as connection:
            connection.execute(update(table).where(*place).values({column: row[column]}))
    assert found == 50
    assert check(indexed, subnet).differences == ()


def _other(kind, value):
    if isinstance(kind, Boolean):
        return not value
    if isinstance(kind, Wei):
        return value + 10**18
    return value + 1 if isinstance(kind, Integer) else value[:-1] + ("0" if value[-1] != "0" else "1")


@pytest.fixture(scope="module")
def site(played, tmp_path_factory) -> TestClient:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('site') / 'rows.sqlite'}")
    fill(database, played.network)
    with TestClient(explorer_app(Database(str(database.engine.url), reader=True))) as client:
        client.database = database  # type: ignore[attr-defined]
        yield client


def everywhere(site: TestClient, played) -> list[str]:
    """Every page that the network has."""
    neurons = [row["neuron"] for row in site.get("/api/v1/neurons").json()["neurons"]]
    tx = site.get("/api/v1/events").json()["events"][0]["tx"]
    found = [f"/neurons/{one}" for one in neurons] + [f"/why/{one}/{w}" for one in neurons for w in range(WINDOWS)]
    accounts = [f"/accounts/0x{played.holder.hex()}", f"/accounts/{neurons[0]}"]
    return [*PAGES, *found, *accounts, f"/tx/{tx}", f"/votes/{played.motion}", f"/votes/{played.motion[:12]}"]


class Strict(HTMLParser):
    """Fails on whatever could run, or ask another server."""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, attrs)
        assert tag not in ("img", "iframe", "object", "embed", "base"), tag
        assert tag != "script" or given["src"] in ("/static/grail.js", "/static/wallet.js")
        for name in ("href", "src", "action"):
            assert re.match(r"[/?#]|data:,$", given.get(name) or "/"), (tag, attrs)
            assert not (given.get(name) or "").startswith("//"), (tag, attrs)


def test_every_page_is_there_strict_and_obeys_no_text(site, played):
    for page in everywhere(site, played):
        answer = site.get(page)
        assert answer.status_code == 200, page
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        text = answer.text
        Strict().feed(text)
        assert not re.search("[\u202e\u2066\ufeff\x00\x1b]", text), page
        assert "NoneType" not in text, page
    shown = site.get(f"/votes/{played.motion}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown and "⟨202E⟩" in shown and "{{7*7}}" in shown
    assert "javascript:alert" in shown and 'href="javascript' not in shown


def test_json_has_the_same_and_rounds_no_money(site, played):
    for page in everywhere(site, played):
        path = page.replace("/training", "/checkpoints").replace("/votes", "/proposals").replace("/money", "/supply")
        path = "/overview" if path == "/" else path.replace("/activity", "/events")
        found = site.get(f"/api/v1{path}").json()
        assert found["at"]["block"] == played.network.chain.head().number, path
        assert all(abs(n) < 1 << 53 for n in numbers(found)), path
    supply = site.get("/api/v1/supply").json()
    assert supply["gap"] == 0
    assert int(supply["minted"]) - int(supply["burnt"]) == played.network.subnet.contracts["GrailToken"].call(
        "totalSupply"
    )


def numbers(value):
    """All integers of a JSON value."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)
    elif isinstance(value, int):
        yield value


def test_why_knows_a_reason_for_every_neuron_and_window(site, played):
    reasons = {}
    with site.database.engine.connect() as connection:
        look = Look(connection)
        for neuron in look.neurons:
            for window in range(WINDOWS):
                found = why(look, neuron, window)
                assert found["code"] and found["words"], found
                reasons[look.name(neuron), window] = found["code"]
    assert reasons["miner-2", 1] == "paid" and reasons["validator-1", 1] == "paid" and reasons["trainer", 1] == "paid"
    assert reasons["int4-weights", 0] == "convicted"
    # whom others check is their secret, which follows from the chain: caught, in one window or another
    assert "convicted" in {reasons["lazy-copy", window] for window in range(WINDOWS)}
    assert reasons["int4-weights", 2] == "not committed"


def test_a_vote_is_shown_in_words_with_its_effect(site, played):
    found = site.get(f"/api/v1/proposals/{played.motion}").json()
    assert found["stage"] == "executed" and "set split_miners_bps to 7,000 bps" in " ".join(found["acts"])
    rows = {row["name"]: row for row in site.get("/api/v1/policy").json()["parameters"]}
    assert rows["split_miners_bps"]["value"] == 7000 and len(rows["split_miners_bps"]["past"]) == 2
    assert rows["split_miners_bps"]["proposal"] == played.motion and rows["audit_seats"]["proposal"] is None
    before = {row["name"]: row for row in site.get("/api/v1/policy?window=0").json()["parameters"]}
    assert before["split_miners_bps"]["value"] == 6000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/windows/99", 404), ("/windows/-1", 422), ("/windows/99999999999999999999", 422), ("/windows/x", 422),
        ("/neurons/0x12", 422), ("/neurons/0x" + "00" * 20, 404), ("/court/77", 404), ("/votes/123", 404),
        ("/neurons?order=drop%20table", 422), ("/neurons?order=nothing", 404), ("/activity?before=-1", 422),
        ("/tx/0x" + "00" * 32, 404),
        ("/search?q=%00", 404), ("/money?csv=nothing", 404), ("/nowhere", 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(site, path, status):
    for prefix in ("", "/api/v1") if path.startswith(("/windows", "/neurons")) else ("",):
        answer = site.get(prefix + path)
        assert answer.status_code == status, answer.text
        assert prefix or "<h1>Not here</h1>" in answer.text


def test_nothing_can_be_written_and_no_stranger_names_the_host(site):
    for path in ("/", "/windows", "/api/v1/overview", "/events", "/search"):
        for method in ("post", "put", "patch", "delete"):
            assert getattr(site, method)(path).status_code == 405, path
    assert site.get("/", headers={"host": "evil.example"}).status_code == 400


PROPOSED = (
    "description", "environments", "trainer", "release", "guardian", "pay", "policy.reject_penalty",
    "policy.audit_seats", "policy.zeal",
)  # fmt: skip
STRANGE = (
    "", "0", "-1", "7", "1e9", "x" * 3_000, "\0", "0x" + "ab" * 20, "0x" + "zz" * 20, "12 GRAIL", "9" * 60 + " GRAIL",
    "for", "../../etc/passwd", "\ud7ff", "' OR 1=1 --", str(1 << 70),
)  # fmt: skip


def test_no_question_is_a_server_error(played, site):
    """Every route of the API with strange values in every parameter, by a seed."""
    dice = random.Random(11)
    values = [*STRANGE, played.motion, next(iter(site.get("/api/v1/neurons").json()["neurons"]))["neuron"]]
    schema = site.get("/openapi.json").json()
    with TestClient(site.app, raise_server_exceptions=False) as client:
        for path, methods in schema["paths"].items():
            names = [one["name"] for one in methods["get"].get("parameters", [])]
            for _ in range(40):
                asked = {name: dice.choice(values) for name in [*names, "number", "support", "amount", "neuron", "to"]}
                made = re.sub(r"{(\w+)}", lambda found, asked=asked: quote(asked[found[1]] or "0", safe=""), path)
                asked |= {name: dice.choice([*values, "a 1 99999999999", "a/1 1 1"]) for name in PROPOSED}
                if "compose" in path:
                    made = f"/api/v1/compose/{dice.choice(list(ACTS))}"
                answer = client.get(made, params=asked)
                assert answer.status_code in (200, 404, 422, 400), (made, asked, answer.status_code)


def test_search_leads_to_what_is_asked_for(site, played):
    for query, where in {
        "1": "/windows/1", "miner-2": "/neurons/0x", f"0x{played.holder.hex()}": f"/accounts/0x{played.holder.hex()}",
        played.motion[:9]: f"/votes/{played.motion[:9]}",
    }.items():  # fmt: skip
        answer = site.get(f"/search?q={query}", follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"].startswith(where)


def test_csv_runs_nothing(site):
    text = site.get("/neurons?csv=neurons").text
    assert text.splitlines()[0].startswith("neuron,role,stake")
    assert not re.search(r"(^|,)[=+@-]", text, re.M)
    assert HOSTILE[1].replace('"', '""') in text


def test_a_stale_index_says_so(played, site):
    late = explorer_app(Database(str(site.database.engine.url), reader=True), clock=lambda: 1e10)
    with TestClient(late) as client:
        assert client.get("/readyz").status_code == 503
        assert "this index is" in client.get("/").text
    assert site.get("/readyz").json()["ready"] is True


def test_the_feed_and_the_stream_tell_what_happened(played, site):
    feed = site.get("/feed.atom").text
    assert "is settled" in feed and "is convicted of" in feed
    with site.database.engine.connect() as connection:
        last = connection.scalar(select(func.max(t.RAW_EVENTS.c.place)))
        places = list(connection.scalars(select(t.RAW_EVENTS.c.place).order_by(t.RAW_EVENTS.c.place)))
    stream, told, since = Stream(site.database), [], places[-1000 if len(places) > 1000 else 0]
    first = since
    while since < last:
        for place, words in stream._read(since):
            told.append(place)
            assert json.loads(words.split("data: ")[1])["block"] == place >> t.PLACE_BITS
            since = place
    assert told == [place for place in places if place > first], "none lost, none twice"


def test_no_name_of_a_secret_or_a_node_leaves(site, played):
    for page in ("/", "/readyz", "/openapi.json", "/neurons"):
        text = site.get(page).text.lower()
        assert "password" not in text and "sqlite" not in text and "8545" not in text
    assert isinstance(t.NEURONS.c.neuron.type, String)


def test_an_index_that_cannot_be_read_is_said_without_where_it_lies(tmp_path):
    database = Database.in_file(tmp_path / "rows.sqlite")
    with TestClient(explorer_app(database), raise_server_exceptions=False) as client:
        assert client.get("/readyz").status_code == 503 and "empty so far" in client.get("/").text
        with database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE chain_readings")
        for path in ("/", "/api/v1/overview", "/readyz", "/metrics"):
            answer = client.get(path)
            assert answer.status_code == 503 and str(tmp_path) not in answer.text and "sqlite" not in answer.text
