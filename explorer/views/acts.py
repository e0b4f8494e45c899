"""Calldata for a wallet: what a holder would sign, composed from the index. Signs and sends nothing."""

from collections.abc import Callable
from typing import Any

from explorer.views.base import Look, NotThere, Row, codec
from explorer.views.votes import SUPPORT
from explorer.views.whatif import changes_of, policy_at
from grail.errors import GrailError
from grail.governance.acts import MAX_DIGITS, acts_from, in_words, parse_address, parse_amount, shown_amount
from grail.governance.policy import Floors, check
from grail.storage import chain_tables as t


def compose(look: Look, act: str, asked: dict[str, str]) -> Row:
    """The calls of an act, in order, each with its words. Raises NotThere for acts and values that are none."""
    if act not in ACTS:
        raise NotThere(f"no act {act[:40]!r}: there are {', '.join(ACTS)}")
    try:
        calls = ACTS[act](look, asked)
    except KeyError as error:
        raise NotThere(f"{act} needs {error.args[0]}") from error
    except GrailError as error:
        raise NotThere(str(error)) from error
    return {"act": act, "chain_id": look.standing["chain_id"], "calls": calls}


def _call(look: Look, words: str, contract: str, function: str, *values: Any) -> Row:
    data = codec(contract).calldata(function, *values)
    return {"words": words, "contract": contract, "to": look.standing["contracts"][contract], "data": "0x" + data.hex()}


def _delegate(look: Look, asked: dict[str, str]) -> list[Row]:
    to = parse_address(asked["to"])
    return [_call(look, f"let 0x{to.hex()} vote with the tokens that you hold", "GrailToken", "delegate", to)]


def _vote(look: Look, asked: dict[str, str]) -> list[Row]:
    row, support = _motion(look, asked), asked["support"]
    if support not in SUPPORT.values():
        raise NotThere(f"expected for, against or abstain, got {support[:20]!r}")
    number = next(number for number, word in SUPPORT.items() if word == support)
    values = int(row["number"]), number, asked.get("reason", "")[:1_000]
    return [_call(look, f"vote {support} on {row['number'][:10]}…", "GrailGovernor", "castVoteWithReason", *values)]


def _propose(look: Look, asked: dict[str, str]) -> list[Row]:
    """What `grail vote propose` would send for the same tables."""
    description, acts = asked["description"].strip(), acts_from(_tables(asked))
    if not description:
        raise NotThere("a proposal needs a description: say why")
    known = policy_at(look, look.block)
    check(known | changes_of(list(acts)), Floors(**look.standing["floors"]))
    contracts = look.standing["contracts"]
    targets = [parse_address(contracts[act.contract]) for act in acts]
    data = [codec(act.contract).calldata(act.function, *act.values) for act in acts]
    words = "; ".join(line for act in acts for line in in_words(act, known))
    return [_call(look, words, "GrailGovernor", "propose", targets, [0] * len(acts), data, description)]


def _tables(asked: dict[str, str]) -> dict[str, Any]:
    """A form's fields as the tables of a proposal's file. Raises NotThere."""
    numbers = {n.removeprefix("policy."): v.strip() for n, v in asked.items() if n.startswith("policy.") and v.strip()}
    mix = [line.split() for line in asked.get("environments", "").splitlines() if line.strip()]
    if any(len(line) != 3 or not all(map(_is_whole, line[1:])) for line in mix):
        raise NotThere("expected lines such as: arithmetic/1 3 1000 (environment, weight, thousandths of the base)")
    tables: dict[str, Any] = {
        "policy": {name: int(value) if _is_whole(value) else value for name, value in numbers.items()},
        "environments": {name: {"weight": int(weight), "reward": int(reward)} for name, weight, reward in mix},
    }
    if asked.get("trainer", "").strip():
        tables["trainers"] = {asked["trainer"].strip(): asked.get("trainer_may") == "yes"}
    if asked.get("release", "").strip():
        tables["release"] = [asked["release"].strip()]
    if asked.get("guardian", "").strip():
        tables["guardian"] = asked["guardian"].strip()
    if asked.get("pay", "").strip():
        tables["pay"] = {asked["pay"].strip(): asked.get("amount", "")}
    return tables


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS


def _settle(function: str, words: str) -> Callable[[Look, dict[str, str]], list[Row]]:
    def made(look: Look, asked: dict[str, str]) -> list[Row]:
        row = _motion(look, asked)
        targets = [parse_address(target) for target, _, _ in row["calls"]]
        amounts = [int(value) for _, value, _ in row["calls"]]
        data = [bytes.fromhex(call[2:]) for _, _, call in row["calls"]]
        values = targets, amounts, data, bytes.fromhex(row["digest"][2:])
        return [_call(look, f"{words} {row['number'][:10]}…", "GrailGovernor", function, *values)]

    return made


def _stake(look: Look, asked: dict[str, str]) -> list[Row]:
    neuron, amount = parse_address(asked["neuron"]), _amount(asked)
    vault = parse_address(look.standing["contracts"]["StakeVault"])
    shown, name = shown_amount(amount), f"0x{neuron.hex()}"
    return [
        _call(look, f"let the vault take {shown}", "GrailToken", "approve", vault, amount),
        _call(look, f"stake {shown} on {name}: it can be slashed with it", "StakeVault", "stake", neuron, amount),
    ]


def _unstake(look: Look, asked: dict[str, str]) -> list[Row]:
    neuron, amount = parse_address(asked["neuron"]), _amount(asked)
    words = f"ask {shown_amount(amount)} back from 0x{neuron.hex()}: it can be slashed until it is due"
    return [_call(look, words, "StakeVault", "requestUnstake", neuron, amount)]


def _withdraw(look: Look, asked: dict[str, str]) -> list[Row]:
    return [_call(look, "take home all stake that is due", "StakeVault", "withdraw")]


def _collect(look: Look, asked: dict[str, str]) -> list[Row]:
    neuron = parse_address(asked["neuron"])
    return [_call(look, f"take your rewards of 0x{neuron.hex()}", "StakeVault", "collect", neuron)]


def _amount(asked: dict[str, str]) -> int:
    amount = parse_amount(asked["amount"])
    if not 0 < amount < 1 << 128:
        raise NotThere(f"expected an amount above 0 that exists, got {asked['amount'][:60]}")
    return amount


def _motion(look: Look, asked: dict[str, str]) -> Row:
    found = look.held(t.MOTIONS, t.MOTIONS.c.number == asked["number"])
    if not found:
        raise NotThere(f"no motion {asked['number'][:80]}")
    return found[0]


ACTS: dict[str, Callable[[Look, dict[str, str]], list[Row]]] = {
    "delegate": _delegate, "propose": _propose, "vote": _vote, "queue": _settle("queue", "queue"),
    "execute": _settle("execute", "execute"), "stake": _stake, "unstake": _unstake, "withdraw": _withdraw,
    "collect": _collect,
}  # fmt: skip
