"""What a proposal of token holders does: calls on contracts, written as a few tables, read back in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grail.errors import SettingsError
from grail.governance.policy import BY_NAME, ETHER
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address

TABLES = ("description", "policy", "environments", "trainers", "release", "guardian", "pay")


@dataclass(frozen=True, slots=True)
class Act:
    """One call that a proposal makes: contract by name, function, values in ABI order."""

    contract: str
    function: str
    values: tuple[Any, ...]


DECIMALS, MAX_DIGITS = 18, 60


def acts_from(tables: Mapping[str, Any]) -> tuple[Act, ...]:
    """The calls of a proposal file's tables (docs/governance.md). Raises SettingsError naming what is wrong.

    policy: name to value, in the parameter's unit, or "50 GRAIL" where that is wei. environments: id to weight and
    reward (thousandths); replaces the whole mix. trainers: address to true (approve) or false (dismiss). release:
    jailed neurons. guardian: address. pay: address to an amount out of the treasury.
    """
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise SettingsError(f"expected tables among {', '.join(TABLES)}, got {', '.join(unknown)}")
    acts: list[Act] = []
    if policy := tables.get("policy"):
        values = {name: _policy_value(name, value) for name, value in policy.items()}
        acts.append(Act("RewardPolicy", "setMany", (list(values), list(values.values()))))
    if mix := tables.get("environments"):
        try:
            weights, rewards = [int(e["weight"]) for e in mix.values()], [int(e["reward"]) for e in mix.values()]
        except (KeyError, TypeError) as error:
            raise SettingsError(f"expected each environment to have a weight and a reward, but {error}") from error
        if not all(0 <= number < 1 << 32 for number in (*weights, *rewards)):
            raise SettingsError("expected weights and rewards of environments below 2^32")
        acts.append(Act("RewardPolicy", "setEnvironments", (list(mix), weights, rewards)))
    for trainer, yes in tables.get("trainers", {}).items():
        acts.append(Act("CheckpointRegistry", "approve", (parse_address(trainer), bool(yes))))
    acts += [Act("NeuronRegistry", "release", (parse_address(neuron),)) for neuron in tables.get("release", [])]
    if "guardian" in tables:
        acts.append(Act("PauseSwitch", "setGuardian", (parse_address(tables["guardian"]),)))
    for account, amount in tables.get("pay", {}).items():
        paid = parse_amount(amount)
        if paid >= 1 << 256:
            raise SettingsError(f"expected an amount that can exist, got {amount!r}")
        acts.append(Act("GrailToken", "transfer", (parse_address(account), paid)))
    if not acts:
        raise SettingsError("expected a proposal that does something: see `grail vote propose --help`")
    return tuple(acts)


def in_words(act: Act, current: Mapping[str, int]) -> list[str]:
    """A call as sentences; `current` are the governed values of now."""
    match (act.contract, act.function, act.values):
        case "RewardPolicy", "setMany", (names, values):
            return [_change(name, value, current) for name, value in zip(names, values, strict=True)]
        case "RewardPolicy", "set", (name, value):
            return [_change(name, value, current)]
        case "RewardPolicy", "setEnvironments", (ids, weights, rewards):
            total = sum(weights) or 1
            parts = zip(ids, weights, rewards, strict=True)
            return [
                f"environment {i}: {100 * w / total:.1f} % of the problems, {r / 1000:g} × the base rate a token"
                for i, w, r in parts
            ]
        case "CheckpointRegistry", "approve", (trainer, yes):
            return [f"{'let' if yes else 'no longer let'} trainer {_shown(trainer)} publish checkpoints"]
        case "NeuronRegistry", "release", (neuron,):
            return [f"release {_shown(neuron)} from jail"]
        case "PauseSwitch", "setGuardian", (guardian,):
            return [f"make {_shown(guardian)} the guardian, who may pause"]
        case "GrailToken", "transfer", (to, amount):
            return [f"pay {amount / ETHER:,g} GRAIL from the treasury to {_shown(to)}"]
    return [f"{act.contract}.{act.function}({', '.join(map(_shown, act.values))})"]


def parse_address(text: str) -> Address:
    """20 bytes from 0x hex. Raises SettingsError."""
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except (ValueError, AttributeError) as error:
        raise SettingsError(f"expected an address 0x… of 40 hex digits, got {text!r}") from error
    if len(address) != 20:
        raise SettingsError(f"expected an address 0x… of 40 hex digits, got {text!r}")
    return address


def parse_amount(value: object) -> int:
    """Wei from a text such as "50 GRAIL", "0.5 GRAIL" or "7 wei". Raises SettingsError: a bare number may be either."""
    number, _, unit = value.partition(" ") if isinstance(value, str) else (str(value), "", "")
    whole, point, part = number.partition(".")
    digits = (whole + part).isascii() and (whole + part).isdecimal() and len(whole) <= MAX_DIGITS
    if digits and not unit:
        raise SettingsError(f'expected an amount with its unit, got {value!r}: "{number} GRAIL" or "{number} wei"?')
    if digits and unit == "wei" and not point:
        return int(whole)
    if not digits or unit != "GRAIL" or len(part) > DECIMALS:
        raise SettingsError(f'expected an amount such as "50 GRAIL" or "7 wei", got {value!r}')
    return int(whole or 0) * ETHER + int(part.ljust(DECIMALS, "0") or 0)


def shown_amount(wei: int) -> str:
    """Exactly, in GRAIL: what parse_amount reads back."""
    whole, part = divmod(wei, ETHER)
    return f"{whole:,}{f'.{part:018d}'.rstrip('0') if part else ''} GRAIL"


def policy_value(name: str, value: object) -> int:
    """A governed parameter's value: an amount with its unit where it is one, else an integer. Checks no bounds."""
    if name in BY_NAME and BY_NAME[name].unit == "wei":
        return parse_amount(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"expected {name} as an integer, got {value!r}")
    return value


def description_digest(description: str) -> bytes:
    """What governor and timelock know a description by."""
    return keccak256(description.encode())


def _policy_value(name: str, value: int | str) -> int:
    if name not in BY_NAME:
        raise SettingsError(f"expected a governed parameter, got {name!r}: see docs/spec/policy.md for the names")
    parameter, number = BY_NAME[name], policy_value(name, value)
    if not parameter.low <= number <= parameter.high:
        raise SettingsError(f"expected {name} in [{parameter.low}, {parameter.high}] {parameter.unit}, got {number}")
    return number


def _change(name: str, value: int, current: Mapping[str, int]) -> str:
    unit = BY_NAME[name].unit if name in BY_NAME else ""
    shown, now = (
        (f"{number / ETHER:,g} GRAIL" if unit == "wei" else f"{number:,} {unit}") if number is not None else "unknown"
        for number in (value, current.get(name))
    )
    return f"set {name} to {shown} (now {now})"


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value)
