"""Every page, in both themes, on a phone and on a desk: nothing serious is in anybody's way (axe-core)."""

import shutil

import pytest
from sqlalchemy import update

from explorer.running import serving
from grail.storage import chain_tables as t
from grail.storage.database import Database
from neurons.devnet.layout import free_ports
from tests.explorer.conftest import HOSTILE, WINDOWS, fill

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is missing")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (apt-get install chromium)")
PAGES = (
    "/", "/windows", "/windows/1", "/neurons", "/validators", "/court", "/court/0", "/training", "/training/2",
    "/votes", "/votes/propose", "/policy", "/money", "/activity", "/nowhere",
)  # fmt: skip
TOO_WIDE = """width => [...document.querySelectorAll("main *")].filter(
  (part) => part.getBoundingClientRect().right > width && !part.closest(".wide")
).map((part) => part.outerHTML.slice(0, 120))
"""
SERIOUS = ("serious", "critical")
STANDARDS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def poisoned(database: Database) -> None:
    """Every text that a validator or a trainer can claim wants to be obeyed."""
    text = "\n".join(HOSTILE)
    sample = {
        "environment": text,
        "miner": "0x" + "11" * 20,
        "prompt": text,
        "completion": text,
        "reward": 1,
        "margin": 2,
    }
    said = {
        "window": 1, "parent": "ab" * 32, "numbers": {text[:40]: 5, "reward": 1}, "dropped": {text[:40]: 1},
        "rewards": {text: 3}, "samples": [sample],
    }  # fmt: skip
    with database.writing() as connection:
        connection.execute(update(t.AUDIT_CLAIMS).values(reason=text.replace("\0", ""), check=HOSTILE[0]))
        connection.execute(update(t.TRAINING_REPORTS).where(t.TRAINING_REPORTS.c.version > 1).values(said=said))


def test_no_claim_is_obeyed_in_a_browser(played, tmp_path):
    url = f"sqlite:///{tmp_path / 'rows.sqlite'}"
    database, wrong, seen = Database(url), [], ""
    fill(database, played.network)
    poisoned(database)
    addresses = {part.name: "0x" + part.signer.address.hex() for part in played.network.parts}
    port = free_ports(1)[0]
    with serving(url, "127.0.0.1", port), playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 320, "height": 800})
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("request", lambda asked: wrong.append(asked.url) if f":{port}/" not in asked.url else None)
        for where in ("/training", "/training/2", f"/why/{addresses['int4-weights']}/0", "/windows/0"):
            page.goto(f"http://127.0.0.1:{port}{where}")
            seen += page.content()
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, where
        browser.close()
    assert wrong == [] and seen.count("&lt;script&gt;") > 5 and "⟨202E⟩" in seen


@pytest.fixture(scope="module")
def site(played, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('axe') / 'rows.sqlite'}"
    fill(Database(url), played.network)
    port = free_ports(1)[0]
    with serving(url, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("theme", "width"),
    [
        ("dark", 320), pytest.param("dark", 1280, marks=pytest.mark.slow),
        pytest.param("light", 320, marks=pytest.mark.slow), pytest.param("light", 1280, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_nothing_serious_is_in_anybodys_way(site, played, theme, width):
    addresses = {part.name: "0x" + part.signer.address.hex() for part in played.network.parts}
    address, caught = addresses["miner-1"], addresses["int4-weights"]
    more = [f"/neurons/{address}", f"/accounts/{address}", f"/votes/{played.motion}"]
    more += [f"/why/{who}/{window}" for who in (address, caught) for window in range(WINDOWS)]
    wrong = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True, reduced_motion="reduce"
        )
        page = context.new_page()
        for where in (*PAGES, *more):
            page.goto(site + where)
            page.evaluate(axe.AXE_FILE_PATH.read_text())
            found = page.evaluate("options => axe.run(document, options)", STANDARDS)
            wrong += [
                (where, one["id"], one["nodes"][0]["html"][:120], one["nodes"][0]["failureSummary"][:160])
                for one in found["violations"]
                if one["impact"] in SERIOUS
            ]
            assert len(found["passes"]) > 10, where
            wide = page.evaluate("document.documentElement.scrollWidth")
            wrong += [(where, f"{wide} px wide", page.evaluate(TOO_WIDE, width))] if wide > width else []
        browser.close()
    assert wrong == []
