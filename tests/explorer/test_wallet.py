"""A holder acts in a browser: with a wallet that signs on real contracts, and against a server that lies."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from explorer.index.follow import Follower
from explorer.running import serving
from grail.chain.accounts import Signer
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.chain.subnet.votes import MotionState
from grail.errors import BadInput, ChainError
from grail.governance.acts import Act, acts_from, in_words
from grail.governance.ballots import parse_ballot
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
        if method == "eth_signTypedData_v4":
            if self.rejects:
                raise PermissionError
            assert params[0] == "0x" + HOLDER.address.hex()
            signed = HOLDER.account.sign_message(encode_typed_data(full_message=json.loads(params[1])))
            return "0x" + bytes(signed.signature).hex()
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
    page.get_by_role("button", name="For", exact=True).click()
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


def fill_in(page: Any, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f'[name="{name.replace("__", ".")}"]').fill(value)


def test_propose_what_the_command_proposes_and_the_next_window_obeys(world, tab):
    """The same calls as `grail vote propose` makes of the same tables."""
    subnet, follower, site = world
    page, wallet = tab
    subnet.delegate(HOLDER, HOLDER.address)
    subnet.chain.mine(2)
    follower.catch_up()
    opened(page, f"{site}/votes/propose")
    payee, words = "0x" + "5a" * 20, "More for miners\n<script>alert(1)</script>\n" + HOSTILE[3][:12]
    fill_in(
        page, description=words, policy__split_miners_bps="7000", policy__split_validators_bps="1500",
        policy__reject_penalty="3.5", environments="arithmetic/1 3 1000\n  sums/1   1 500 ", pay=payee, amount="12.25",
        trainer=payee, release="0x" + OWNER.address.hex(), guardian=payee,
    )  # fmt: skip
    page.locator("[name=trainer_may]").select_option("no")
    page.get_by_role("button", name="Propose", exact=True).click()
    done(page)
    motion = subnet.motions()[-1]
    tables = {
        "policy": {"reject_penalty": "3.5 GRAIL", "split_miners_bps": 7000, "split_validators_bps": 1500},
        "environments": {"arithmetic/1": {"weight": 3, "reward": 1000}, "sums/1": {"weight": 1, "reward": 500}},
        "trainers": {payee: False}, "release": ["0x" + OWNER.address.hex()], "guardian": payee,
        "pay": {payee: "12.25 GRAIL"},
    }  # fmt: skip
    wanted = acts_from(tables)
    assert [act.function for act in motion.acts] == [act.function for act in wanted]
    current = subnet.latest_policy().as_dict()
    said, meant = ([line.lower() for act in acts for line in in_words(act, current)] for acts in (motion.acts, wanted))
    assert sorted(said) == sorted(meant)
    assert motion.description.startswith("More for miners") and wallet.sent == ["0x7d5e81e2"]
    page.goto(f"{site}/votes/{motion.number}")
    playwright.expect(page.locator("main")).to_contain_text("set split_miners_bps to 7,000 bps")


def test_what_cannot_be_proposed_is_said_before_anybody_signs(world, tab):
    _, _, site = world
    page, wallet = tab
    opened(page, f"{site}/votes/propose")
    fill_in(page, description="odd")
    for fields, words in (
        ({}, "expected a proposal that does something"), ({"policy__split_miners_bps": "9000"}, "sum to 10000"),
        ({"policy__split_miners_bps": "999999"}, "expected split_miners_bps in"),
        ({"policy__split_miners_bps": "many"}, "expected"),
        ({"policy__split_miners_bps": "", "environments": "a b"}, "expected lines such as"),
    ):  # fmt: skip
        fill_in(page, **fields)
        page.get_by_role("button", name="Propose", exact=True).click()
        refused(page, words)
    assert wallet.sent == []


@pytest.mark.parametrize("what", ["another amount", "another call", "a call more", "another description"])
def test_a_server_that_composes_another_proposal_is_refused(world, tab, what):
    subnet, _, site = world
    page, wallet = tab
    contracts = {name: "0x" + address.hex() for name, address in subnet.book.addresses.items()}

    def lies(route):
        told = json.loads(route.fetch().body())
        governor, policy = subnet.contracts["GrailGovernor"], subnet.contracts["RewardPolicy"]
        inner = [policy.calldata("setMany", ["reject_penalty"], [(2 if what == "another amount" else 1) * GRAIL])]
        targets = [bytes.fromhex(contracts["RewardPolicy"][2:])]
        if what in ("another call", "a call more"):
            extra = subnet.contracts["GrailToken"].calldata("transfer", b"\6" * 20, GRAIL)
            inner, targets = (inner, targets) if what == "a call more" else ([], [])
            inner, targets = [*inner, extra], [*targets, subnet.contracts["GrailToken"].address]
        description = "why not" if what == "another description" else "why"
        data = governor.calldata("propose", targets, [0] * len(inner), inner, description)
        told["calls"][0]["data"] = "0x" + data.hex()
        route.fulfill(json=told)

    page.route("**/api/v1/compose/**", lies)
    opened(page, f"{site}/votes/propose")
    fill_in(page, description="why", policy__reject_penalty="1")
    page.get_by_role("button", name="Propose", exact=True).click()
    refused(page, "Not done")
    assert wallet.sent == []


def test_a_ballot_is_signed_by_one_and_sent_by_another(world, tab):
    subnet, follower, site = world
    page, wallet = tab
    subnet.delegate(HOLDER, HOLDER.address)
    subnet.chain.mine(2)
    subnet.propose_motion(HOLDER, (Act("RewardPolicy", "setMany", (["reject_penalty"], [6 * GRAIL])),), "Signed away")
    motion = subnet.motions()[-1]
    subnet.chain.mine(motion.start - subnet.chain.head().number + 1)
    follower.catch_up()
    opened(page, f"{site}/votes/{motion.number}")
    page.get_by_role("button", name="Sign against").click()
    refused(page, "Signed, and not sent")
    ballot = parse_ballot(page.locator("#wallet-shown").inner_text().encode())
    assert wallet.sent == [] and subnet.motion(motion.number).against == 0
    weight = subnet.ballot_weight(ballot)
    subnet.relay_ballot(OWNER, ballot)
    assert subnet.motion(motion.number).against == weight > 0
    with pytest.raises(BadInput, match="nonce"):
        subnet.ballot_weight(ballot)


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
    for where in ("/", "/windows", "/neurons", "/votes", "/votes/propose", "/policy", "/money", "/activity"):
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
