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
  "0x7d5e81e2": ["propose", "GrailGovernor", ["address[]", "uint256[]", "bytes[]", "string"]],
  "0x6674b5f1": ["setMany", "RewardPolicy", ["string[]", "uint208[]"]],
  "0x7a746705": ["setEnvironments", "RewardPolicy", ["string[]", "uint32[]", "uint32[]"]],
  "0x3d140d21": ["approve", "CheckpointRegistry", ["address", "bool"]],
  "0x19165587": ["release", "NeuronRegistry", ["address"]],
  "0x8a0dac4a": ["setGuardian", "PauseSwitch", ["address"]],
  "0xa9059cbb": ["transfer", "GrailToken", ["address", "uint256"]],
};
const ALLOWANCE = "0xdd62ed3e", NONCES = "0x7ecebe00";
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
  propose: (f) => [["propose", proposed(f), f.description.trim()]],
};

// The calls of a proposal, as its form says them.
function proposed(f) {
  const made = [], text = (name) => (f[name] || "").trim();
  const names = Object.keys(f).filter((name) => name.startsWith("policy.") && text(name));
  if (names.length) {
    const values = names.map((name) => (text(name).endsWith("GRAIL") ? wei(text(name)) : whole(text(name))));
    made.push(["RewardPolicy", "setMany", names.map((name) => name.slice(7)), values]);
  }
  const mix = text("environments").split("\n").map((line) => line.trim().split(/\s+/)).filter((line) => line[0]);
  if (mix.length) {
    const column = (place) => mix.map((line) => (place ? whole(line[place] || "") : line[0]));
    made.push(["RewardPolicy", "setEnvironments", column(0), column(1), column(2)]);
  }
  const low = (name) => text(name).toLowerCase();
  if (low("trainer")) made.push(["CheckpointRegistry", "approve", low("trainer"), f.trainer_may === "yes"]);
  if (low("release")) made.push(["NeuronRegistry", "release", low("release")]);
  if (low("guardian")) made.push(["PauseSwitch", "setGuardian", low("guardian")]);
  if (low("pay")) made.push(["GrailToken", "transfer", low("pay"), wei(f.amount)]);
  return made;
}

// A proposal's call with the calls that it proposes decoded, too.
function unfolded(read) {
  if (read.name !== "propose") return read;
  const [targets, amounts, data, description] = read.values;
  if (targets.length !== data.length) throw new Error("calldata of no sense");
  const inner = data.map((one, place) => {
    const call = decode(one);
    if (targets[place] !== contracts[call.contract] || amounts[place] !== 0n) throw new Error("a call to another contract");
    return [call.contract, call.name, ...call.values];
  });
  return { ...read, values: [inner, description] };
}

function calls(fields) {
  const made = JSON.parse(fields.calls);
  return [made.map((call) => call[0]), made.map((call) => BigInt(call[1])), made.map((call) => call[2])];
}

function wei(amount) {
  const found = /^(\d{1,40})(?:\.(\d{1,18}))?(?: GRAIL)?$/.exec((amount || "").trim());
  if (!found) throw new Error("expected an amount in GRAIL such as 12.5");
  return BigInt(found[1] + (found[2] || "").padEnd(18, "0"));
}

function whole(number) {
  if (!/^\d{1,40}$/.test(number)) throw new Error(`expected a whole number, got ${number.slice(0, 40)}`);
  return BigInt(number);
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
  if (type === "bool") return BigInt("0x" + word) === 1n;
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
    const read = unfolded(decode(call.data));
    if (call.to.toLowerCase() !== contracts[read.contract]) throw new Error("a call to another contract");
    const [name, ...values] = wanted[place];
    const seen = read.values.slice(0, values.length);
    if (name !== read.name || JSON.stringify(plain(values)) !== JSON.stringify(plain(seen))) {
      throw new Error(`the server composed ${read.name}(${plain(read.values).join(", ")}) instead of what you chose`);
    }
    return { to: call.to, data: call.data, read };
  });
}

function spoken(read) {
  if (read.name !== "propose") return `${read.contract}.${read.name}(${plain(read.values).join(", ")})`;
  const calls = plain(read.values[0]).map(([contract, name, ...values]) => `${contract}.${name}(${JSON.stringify(values).slice(1, -1)})`);
  return `propose:\n${calls.join("\n")}\n\n${read.values[1]}`;
}

const ask = (method, ...params) => provider.request({ method, params });

async function act(form, button) {
  const fields = { ...form.dataset, ...Object.fromEntries(new FormData(form)) };
  if (button && button.name) fields[button.name] = button.value;
  if (fields.act === "sign") return signed(fields);
  for (const { name, value } of form.querySelectorAll("[data-unit=wei]")) {
    if (value.trim()) fields[name] = `${value.trim()} GRAIL`;
  }
  const name = fields.act;
  if (name === "delegate" && !fields.to.trim()) fields.to = account;
  if ((fields.reason || "").length > LONGEST) throw new Error(`a reason has at most ${LONGEST} characters`);
  const query = { ...fields };
  for (const left of Object.keys(query)) {
    if (left === "act" || left === "calls" || !query[left].trim()) delete query[left];
  }
  const answer = await fetch(`/api/v1/compose/${name}?${new URLSearchParams(query)}`);
  const composed = await answer.json();
  if (!answer.ok) throw new Error(composed.error || composed.detail);
  const checked = verified(name, fields, composed);
  await onChain();
  for (const call of checked) {
    shown.hidden = false;
    shown.textContent = spoken(call.read);
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

// A vote that anybody may send: signed here, shown as JSON, sent by nobody.
async function signed(fields) {
  await onChain();
  const data = NONCES + account.slice(2).padStart(64, "0"), chain = Number(section.dataset.chain);
  const nonce = BigInt(await ask("eth_call", { to: contracts.GrailGovernor, data }, "latest")).toString();
  const of = (name, type) => ({ name, type });
  const typed = {
    primaryType: "Ballot",
    types: {
      EIP712Domain: [of("name", "string"), of("version", "string"), of("chainId", "uint256"), of("verifyingContract", "address")],
      Ballot: [of("proposalId", "uint256"), of("support", "uint8"), of("voter", "address"), of("nonce", "uint256")],
    },
    domain: { name: "GrailGovernor", version: "1", chainId: chain, verifyingContract: contracts.GrailGovernor },
    message: { proposalId: fields.number, support: Number(SIDES[fields.support]), voter: account, nonce },
  };
  const signature = await ask("eth_signTypedData_v4", account, JSON.stringify(typed));
  const ballot = { chain_id: chain, governor: contracts.GrailGovernor, number: fields.number, choice: fields.support };
  shown.hidden = false;
  shown.textContent = JSON.stringify({ ...ballot, voter: account, nonce, signature }, null, 1);
  tell("Signed, and not sent. Copy it into a file: whoever has it sends it with grail vote relay FILE, and can change nothing.");
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
