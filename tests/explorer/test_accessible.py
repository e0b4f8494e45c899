"""Every page, in both themes, on a phone and on a desk: nothing serious is in anybody's way (axe-core)."""

import shutil

import pytest

from explorer.running import serving
from grail.storage.database import Database
from neurons.devnet.layout import free_ports
from tests.explorer.conftest import WINDOWS, fill

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
        ("light", 320), ("dark", 1280),
        pytest.param("dark", 320, marks=pytest.mark.slow), pytest.param("light", 1280, marks=pytest.mark.slow),
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
