// Acts of a holder, signed by the wallet of the browser. The server composes calldata; this file decodes it by its own
// table, and compares it with what the form says, before the wallet is asked: a server that lies is refused.
"use strict";

const CALLS = {
  "0x7b3c71d3": ["castVoteWithReason", "GrailGovernor", ["uint256", "uint8", "string"]],
  "0x160cbed7": ["queue", "GrailGovernor", ["address[]", "uint256[]", "bytes[]", "bytes32"]],
  "0x2656227d": ["execute", "GrailGovernor", ["address[]", "uint256[]", "bytes[]", "bytes32"]],
  "0x5c19a95c": ["delegate", "GrailToken", ["address"]],
  "0x095ea7b3": ["approve", "GrailToken", ["address", "uint256"]],
  "0x19f8d5b4": ["stake", "StakeVault", ["address", "uint128"]],
  "0x2309fab5": ["requestUnstake", "StakeVault", ["address", "uint128"]],
  "0x3ccfd60b": ["withdraw", "StakeVault", []],
  "0x06ec16f8": ["collect", "StakeVault", ["address"]],
};
const ALLOWANCE = "0xdd62ed3e";
const SIDES = { against: 0n, for: 1n, abstain: 2n };
const LONGEST = 1000, RECEIPT_SECONDS = 180;

const section = document.getElementById("wallet");
const contracts = JSON.parse(section.dataset.contracts);
const state = document.getElementById("wallet-state");
const shown = document.getElementById("wallet-shown");
let provider = null, account = null;

// What each act must be, in the order in which it is signed.
const EXPECTED = {
  vote: (f) => [["castVoteWithReason", BigInt(f.number), SIDES[f.support], f.reason]],
  queue: (f) => [["queue", ...calls(f)]],
  execute: (f) => [["execute", ...calls(f)]],
  delegate: (f) => [["delegate", f.to.trim().toLowerCase() || account]],
  stake: (f) => [["approve", contracts.StakeVault, wei(f.amount)], ["stake", f.neuron, wei(f.amount)]],
  unstake: (f) => [["requestUnstake", f.neuron, wei(f.amount)]],
  withdraw: () => [["withdraw"]],
  collect: (f) => [["collect", f.neuron]],
};

function calls(fields) {
  const made = JSON.parse(fields.calls);
  return [made.map((call) => call[0]), made.map((call) => BigInt(call[1])), made.map((call) => call[2])];
}

function wei(amount) {
  const found = /^(\d{1,40})(?:\.(\d{1,18}))?$/.exec(amount.trim());
  if (!found) throw new Error("expected an amount in GRAIL such as 12.5");
  return BigInt(found[1] + (found[2] || "").padEnd(18, "0"));
}

function decode(data) {
  const known = CALLS[data.slice(0, 10).toLowerCase()];
  if (!known) throw new Error(`a call that this page does not know (${data.slice(0, 10)})`);
  const [name, contract, types] = known;
  const hex = data.slice(10).toLowerCase();
  return { name, contract, values: types.map((type, place) => valueAt(type, hex, 64 * place)) };
}

function valueAt(type, hex, at) {
  const word = hex.slice(at, at + 64);
  if (!/^[0-9a-f]{64}$/.test(word)) throw new Error("calldata that ends too early");
  const dynamic = type.endsWith("[]") || type === "bytes" || type === "string";
  if (dynamic) return tailAt(type, hex.slice(2 * small(word)));
  if (type === "address") {
    if (!/^0{24}/.test(word)) throw new Error("an address that is none");
    return "0x" + word.slice(24);
  }
  if (type.startsWith("uint")) return BigInt("0x" + word);
  return "0x" + word;
}

function tailAt(type, tail) {
  const count = small(tail.slice(0, 64)), body = tail.slice(64);
  if (type === "bytes" || type === "string") {
    if (body.length < 2 * count) throw new Error("calldata that ends too early");
    return type === "bytes" ? "0x" + body.slice(0, 2 * count) : utf8(body.slice(0, 2 * count));
  }
  return Array.from({ length: count }, (_, place) => valueAt(type.slice(0, -2), body, 64 * place));
}

function small(word) {
  const number = Number(BigInt("0x" + (word || "")));
  if (!(number >= 0 && number < 1 << 20)) throw new Error("calldata of no sense");
  return number;
}

function utf8(hex) {
  const bytes = (hex.match(/../g) || []).map((pair) => parseInt(pair, 16));
  return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === "bigint" ? value.toString() : String(value);
}

// Each call as the page itself reads it. Throws where it is not what the form says.
function verified(act, fields, answer) {
  if (Number(answer.chain_id) !== Number(section.dataset.chain)) throw new Error("the server speaks of another chain");
  const wanted = EXPECTED[act](fields);
  if (answer.calls.length !== wanted.length) throw new Error("the server adds calls, or leaves some out");
  return answer.calls.map((call, place) => {
    const read = decode(call.data);
    if (call.to.toLowerCase() !== contracts[read.contract]) throw new Error("a call to another contract");
    const [name, ...values] = wanted[place];
    const seen = read.values.slice(0, values.length);
    if (name !== read.name || JSON.stringify(plain(values)) !== JSON.stringify(plain(seen))) {
      throw new Error(`the server composed ${read.name}(${plain(read.values).join(", ")}) instead of what you chose`);
    }
    return { to: call.to, data: call.data, read };
  });
}

const ask = (method, ...params) => provider.request({ method, params });

async function act(form, button) {
  const fields = { ...form.dataset, ...Object.fromEntries(new FormData(form)) };
  if (button && button.name) fields[button.name] = button.value;
  const name = fields.act;
  if (name === "delegate" && !fields.to.trim()) fields.to = account;
  if ((fields.reason || "").length > LONGEST) throw new Error(`a reason has at most ${LONGEST} characters`);
  const query = { ...fields };
  for (const left of ["act", "calls"]) delete query[left];
  if (query.amount) query.amount = `${query.amount.trim()} GRAIL`;
  const answer = await fetch(`/api/v1/compose/${name}?${new URLSearchParams(query)}`);
  const composed = await answer.json();
  if (!answer.ok) throw new Error(composed.error || composed.detail);
  const checked = verified(name, fields, composed);
  await onChain();
  for (const call of checked) {
    shown.hidden = false;
    shown.textContent = `${call.read.contract}.${call.read.name}(${plain(call.read.values).join(", ")})`;
    if (call.read.name === "approve" && (await allowed(call.read.values[0])) >= call.read.values[1]) continue;
    const request = { from: account, to: call.to, data: call.data };
    try {
      await ask("eth_call", request, "latest");
    } catch (error) {
      throw new Error(`the network would refuse this: ${words(error)}`);
    }
    tell("Sign in your wallet.");
    await mined(await ask("eth_sendTransaction", request));
  }
  tell("Done. The page shows it once its block is indexed.");
}

async function allowed(spender) {
  const data = ALLOWANCE + account.slice(2).padStart(64, "0") + spender.slice(2).padStart(64, "0");
  return BigInt(await ask("eth_call", { to: contracts.GrailToken, data }, "latest"));
}

async function mined(hash) {
  tell(`Sent: ${hash.slice(0, 10)}…, waiting for its block.`);
  for (let second = 0; second < RECEIPT_SECONDS; second += 1) {
    const receipt = await ask("eth_getTransactionReceipt", hash);
    if (receipt && receipt.status === "0x1") return;
    if (receipt) throw new Error("the transaction failed in its block");
    await new Promise((later) => setTimeout(later, 1000));
  }
  throw new Error(`not in a block after ${RECEIPT_SECONDS} s; your wallet knows more of ${hash}`);
}

async function onChain() {
  const chain = Number(await ask("eth_chainId"));
  if (chain !== Number(section.dataset.chain)) {
    throw new Error(`your wallet is on chain ${chain}, the network on chain ${section.dataset.chain}: switch it there`);
  }
}

function words(error) {
  if (error && error.code === 4001) return "you rejected it; nothing was sent";
  const inner = error && error.data && error.data.message;
  return String(inner || (error && error.message) || error).slice(0, 300);
}

function tell(text, wrong) {
  state.textContent = text;
  state.classList.toggle("alarm", Boolean(wrong));
}

async function connect(chosen) {
  try {
    provider = chosen;
    account = (await ask("eth_requestAccounts"))[0].toLowerCase();
    await onChain();
    const known = await fetch(`/api/v1/accounts/${account}`);
    const found = known.ok ? await known.json() : null;
    const votes = found ? BigInt(found.votes) : 0n;
    tell(`${account.slice(0, 8)}… ${found ? "" : "has never held a token here. "}` +
      (votes || (found && found.positions.length) ? "Ready." : "It has no votes: hold or stake tokens, and delegate them."));
    for (const form of section.querySelectorAll("form")) form.hidden = false;
    document.getElementById("connect").hidden = true;
  } catch (error) {
    tell(`Not connected: ${words(error)}.`, true);
  }
}

function offer(chosen, name) {
  const button = document.createElement("button");
  button.textContent = `Connect ${name}`;
  button.addEventListener("click", () => connect(chosen));
  document.getElementById("connect").append(button);
  tell("Your wallet signs; this page asks it, and sends nothing itself.");
}

const seen = new Set();
window.addEventListener("eip6963:announceProvider", (event) => {
  const { info, provider: announced } = event.detail;
  if (seen.has(info.uuid)) return;
  seen.add(info.uuid);
  offer(announced, String(info.name).slice(0, 40));
});
window.dispatchEvent(new Event("eip6963:requestProvider"));
if (!seen.size && window.ethereum) offer(window.ethereum, "wallet");

for (const form of section.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      tell("Composing.");
      await act(form, event.submitter);
    } catch (error) {
      tell(`Not done: ${words(error)}.`, true);
    }
  });
}
