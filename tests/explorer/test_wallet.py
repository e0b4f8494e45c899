"""A holder acts in a browser: with a wallet that signs on real contracts, and against a server that lies."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from explorer.index.follow import Follower
from explorer.running import serving
from grail.chain.accounts import Signer
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.chain.subnet.votes import MotionState
from grail.errors import ChainError
from grail.governance.acts import Act
from grail.protocol.records import Role
from grail.storage.database import Database
from neurons.devnet.layout import free_ports
from tests.chain.test_embedded import OWNER, PLAN
from tests.explorer.conftest import HOSTILE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (apt-get install chromium)")
GRAIL = 10**18
HOLDER = Signer.from_key(b"\7" * 32)
INJECTED = """
const wallet = { request: async (asked) => {
  const told = JSON.parse(await window.walletRequest(JSON.stringify({ params: [], ...asked })));
  if (told.error) throw Object.assign(new Error(told.error.message), told.error);
  return told.result;
} };
const detail = { info: { uuid: "1", name: "Test", rdns: "test" }, provider: wallet };
window.addEventListener("eip6963:requestProvider",
  () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail })));
"""


@dataclass
class Wallet:
    """Signs with the holder's key and sends to the chain; may be on another chain, or reject."""

    subnet: Subnet
    follower: Follower
    chain_id: int
    rejects: bool = False
    sent: list[str] = field(default_factory=list)

    def request(self, text: str) -> str:
        asked = json.loads(text)
        try:
            return json.dumps({"result": self._answer(asked["method"], asked["params"])})
        except ChainError as error:
            return json.dumps({"error": {"code": 3, "message": str(error)}})
        except PermissionError:
            return json.dumps({"error": {"code": 4001, "message": "User rejected the request."}})

    def _answer(self, method: str, params: list[Any]) -> Any:
        chain = self.subnet.chain
        if method == "eth_requestAccounts":
            return ["0x" + HOLDER.address.hex()]
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_getTransactionReceipt":
            return {"status": "0x1"}
        to, data = bytes.fromhex(params[0]["to"][2:]), bytes.fromhex(params[0]["data"][2:])
        if method == "eth_call":
            sender = bytes.fromhex(params[0].get("from", "0x" + "00" * 20)[2:])
            return "0x" + chain._sender.execute(sender, to, data, 0).hex()
        assert method == "eth_sendTransaction", method
        if self.rejects:
            raise PermissionError
        self.sent.append(params[0]["data"][:10])
        receipt = chain.send(HOLDER, to, data)
        self.follower.catch_up()
        return "0x" + receipt.transaction.hex()


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[tuple[Subnet, Follower, str]]:
    """A network with a validator and a holder, its index, its pages."""
    chain = EmbeddedChain(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
    chain.send(OWNER, HOLDER.address, b"", 10**20)
    subnet.register(OWNER, Role.VALIDATOR, HOSTILE[1], 5_000 * GRAIL)
    subnet.transfer(OWNER, HOLDER.address, subnet.balance(OWNER.address) - 10_000 * GRAIL)
    url = f"sqlite:///{tmp_path_factory.mktemp('wallet') / 'rows.sqlite'}"
    follower = Follower(subnet, Database(url))
    follower.catch_up()
    port = free_ports(1)[0]
    with serving(url, "127.0.0.1", port):
        yield subnet, follower, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture()
def tab(world, browser) -> Iterator[tuple[Any, Wallet]]:
    """A page with a wallet in it; nothing that ran or was refused by the policy is forgiven."""
    subnet, follower, _ = world
    wallet = Wallet(subnet, follower, subnet.chain.chain_id)
    context = browser.new_context(viewport={"width": 320, "height": 800})
    page, wrong = context.new_page(), []
    page.expose_function("walletRequest", wallet.request)
    page.add_init_script(INJECTED)
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page, wallet
    context.close()
    assert wrong == []


def opened(page: Any, where: str) -> None:
    page.goto(where)
    page.get_by_role("button", name="Connect Test").click()


def done(page: Any) -> None:
    playwright.expect(page.locator("#wallet-state")).to_contain_text("Done.", timeout=20_000)


def refused(page: Any, words: str) -> None:
    playwright.expect(page.locator("#wallet-state")).to_contain_text(words, timeout=20_000)


def test_delegate_vote_queue_execute_and_the_rules_obey(world, tab):
    subnet, follower, site = world
    page, wallet = tab
    opened(page, f"{site}/votes")
    page.get_by_role("button", name="Delegate").click()
    done(page)
    subnet.chain.mine(2)
    change = Act("RewardPolicy", "setMany", (["reject_penalty"], [7 * GRAIL]))
    subnet.propose_motion(HOLDER, (change,), "A lower fine\n" + "\n".join(HOSTILE))
    (motion,) = subnet.motions()
    subnet.chain.mine(motion.start - subnet.chain.head().number + 1)
    follower.catch_up()
    opened(page, f"{site}/votes/{motion.number}")
    playwright.expect(page.locator("main")).to_contain_text("set reject_penalty to 7 GRAIL")
    page.get_by_label("Reason").fill("it is enough: “<b>” ✓")
    page.get_by_role("button", name="For").click()
    done(page)
    assert subnet.motion(str(motion.number)).in_favour > 0
    subnet.chain.mine(motion.end - subnet.chain.head().number + 1)
    for act, state in (("Queue", MotionState.QUEUED), ("Execute", MotionState.EXECUTED)):
        follower.catch_up()
        opened(page, f"{site}/votes/{motion.number}")
        page.get_by_role("button", name=act).click()
        done(page)
        assert subnet.motion(str(motion.number)).state is state
        subnet.chain.mine(PLAN.voting.timelock_seconds // 12 + 2)
    assert subnet.latest_policy().reject_penalty == 7 * GRAIL
    page.goto(f"{site}/votes/{motion.number}")
    playwright.expect(page.locator("main")).to_contain_text("it is enough: “<b>” ✓")
    assert wallet.sent == ["0x5c19a95c", "0x7b3c71d3", "0x160cbed7", "0x2656227d"]


def test_stake_and_ask_it_back(world, tab):
    subnet, _, site = world
    page, wallet = tab
    opened(page, f"{site}/neurons/0x{OWNER.address.hex()}")
    for _ in range(2):  # the second time the allowance is there
        page.get_by_label("Stake, in GRAIL").fill("12.5")
        page.get_by_role("button", name="Stake", exact=True).click()
        done(page)
    page.get_by_label("Ask back").fill("5")
    page.get_by_role("button", name="Unstake").click()
    done(page)
    assert subnet.position(OWNER.address, HOLDER.address) == 20 * GRAIL
    page.get_by_role("button", name="Withdraw").click()
    refused(page, "the network would refuse this")
    assert wallet.sent[:2] == ["0x095ea7b3", "0x19f8d5b4"] and wallet.sent[-1] == "0x2309fab5"


LIES = {
    "another amount": lambda call, data: call | {"data": data[:-4] + "ffff"},
    "another call": lambda call, data: call | {"data": "0xa9059cbb" + data[10:]},
    "a call that the page knows": lambda call, data: call | {"data": "0x095ea7b3" + data[10:]},
    "another contract": lambda call, data: call | {"to": "0x" + "66" * 20},
    "cut short": lambda call, data: call | {"data": data[:40]},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_is_refused(world, tab, lie):
    _, _, site = world
    page, wallet = tab

    def lies(route):
        told = json.loads(route.fetch().body())
        told["calls"] = [LIES[lie](call, call["data"]) for call in told["calls"]]
        route.fulfill(json=told)

    page.route("**/api/v1/compose/**", lies)
    opened(page, f"{site}/neurons/0x{OWNER.address.hex()}")
    page.get_by_label("Ask back").fill("1")
    page.get_by_role("button", name="Unstake").click()
    refused(page, "Not done")
    assert wallet.sent == []


def test_another_chain_a_rejection_and_no_tokens_are_said(world, tab):
    subnet, _, site = world
    page, wallet = tab
    wallet.chain_id = 1
    opened(page, f"{site}/neurons/0x{OWNER.address.hex()}")
    refused(page, "your wallet is on chain 1")
    wallet.chain_id, wallet.rejects = subnet.chain.chain_id, True
    opened(page, f"{site}/neurons/0x{OWNER.address.hex()}")
    page.get_by_label("Ask back").fill("1")
    page.get_by_role("button", name="Unstake").click()
    refused(page, "you rejected it; nothing was sent")
    page.get_by_label("Ask back").fill("999999999999")
    page.get_by_role("button", name="Unstake").click()
    refused(page, "the network would refuse this")
    page.get_by_label("Ask back").fill("a lot")
    page.get_by_role("button", name="Unstake").click()
    refused(page, "expected an amount")
    assert wallet.sent == []


def test_pages_fit_a_phone_and_work_by_keyboard(world, tab):
    _, _, site = world
    page, _ = tab
    for where in ("/", "/windows", "/neurons", "/votes", "/policy", "/money", "/activity"):
        page.goto(site + where)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, where
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert Path(CHROMIUM or "").exists()


def test_news_arrive_while_the_page_is_open(world, tab):
    subnet, follower, site = world
    page, _ = tab
    page.goto(site)
    page.wait_for_timeout(1_500)
    subnet.contracts["StakeVault"].send(OWNER, "announceCommission", 700)
    follower.catch_up()
    playwright.expect(page.locator("#news")).to_contain_text("new events", timeout=10_000)
    playwright.expect(page.locator("#live")).to_contain_text("CommissionAnnounced")
