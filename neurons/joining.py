"""The files that a node begins with: settings, key, password, and the plan of a new network. What is there stays."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grail.chain.accounts import checksummed, create_keystore
from grail.chain.subnet import Subnet
from grail.config import Settings, load_settings, read_password, toml_text
from grail.errors import SettingsError
from grail.governance.acts import shown_amount
from grail.protocol.records import Role
from neurons.wiring import keystore_address

ROLES = {"miner": Role.MINER, "validator": Role.VALIDATOR, "trainer": Role.TRAINER}
RUN = {"miner": "mine", "validator": "validate", "trainer": "train"}
Told = Mapping[str, Mapping[str, Any]]
"""Settings by table and key."""

PLAN = """\
# The plan of a network: grail deploy reads it. Amounts carry their unit; times are blocks.
cap = "100000000 GRAIL"
trainers = ["{trainer}"]   # may publish checkpoints from the start
# guardian = "0x…"         # may pause; nobody without it

[schedule]            # with blocks of 12 s: a window of 72 minutes
genesis_in = 300      # the first window, from the block in which the deployment starts
window = 360
commit = 210
score = 90
reveal = 40

[holders]             # the initial supply: this key hands it out
"{holder}" = "10000000 GRAIL"

[environments]        # what miners solve; weight: how often, reward: thousandths of the base rate for a token
"arithmetic/1" = {{ weight = 1, reward = 1000 }}

[policy]              # start values that differ from the defaults (docs/spec/policy.md)

[voting]
delay_blocks = 14400
period_blocks = 36000
quorum_percent = 4
threshold = "50000 GRAIL"
timelock_seconds = 259200
"""


def settings_file(path: Path, told: Told) -> tuple[Settings, bool]:
    """The settings of a node, written where they are not there; and whether they were.

    Raises SettingsError where the file says otherwise than `told`.
    """
    fresh = not path.exists()
    if fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(toml_text(told))
    settings = load_settings(path)
    for table, values in told.items():
        for key, value in values.items():
            found = getattr(getattr(settings, table), key)
            said = list(found) if isinstance(found, tuple) else str(found) if isinstance(found, Path) else found
            if said != value:
                raise SettingsError(
                    f"{path} says {table}.{key} = {said!r}, not {value!r}: edit it, or leave the flag out"
                )
    return settings, fresh


def key_of(settings: Settings, ask: Callable[[], str]) -> tuple[str, bool]:
    """The address of the settings' keystore, made where it is not there, as is a password file that is named; and
    whether it was. `ask`: for a password.
    """
    path, secret = settings.key.keystore, settings.key.password_file
    if path.exists():
        found = keystore_address(path)
        if found is None:
            raise SettingsError(f"expected a V3 keystore at {path}, and it is none: move it away, or name another")
        return checksummed(found), False
    if secret is not None and not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(24) + "\n")
    return create_keystore(path, read_password(settings) or ask()).name, True


def plan_file(path: Path, holder: str, trainer: str) -> bool:
    """The plan of a new network; false where one was there."""
    if path.exists():
        return False
    path.write_text(PLAN.format(holder=holder, trainer=trainer))
    return True


def endpoint_wanted(settings: Settings) -> str:
    """What the neuron should have registered: its own address, else the relays that keep its objects."""
    return settings.work.endpoint or ",".join(settings.work.relays)


def next_steps(settings: Settings, subnet: Subnet | None, role: str, config: Path) -> list[str]:
    """What to type next, in order, as far as it can be known."""
    if subnet is None:
        return [f"grail init {role} --config {config}   (again, once the chain answers)"]
    key = keystore_address(settings.key.keystore)
    assert key is not None
    neuron = subnet.worker_of(key) or key
    if subnet.neuron(neuron).role is not Role.NONE:
        nothing = role == "trainer" and subnet.latest_version() == 0
        first = [f"grail publish tiny --config {config}   (or a folder: the first checkpoint)"] if nothing else []
        return [*first, f"grail {RUN[role]} --config {config}"]
    stake = stake_for(subnet, role, settings.work.groups)
    missing = stake + subnet.latest_policy().accusation_bond - subnet.balance(key)
    amount = shown_amount(stake).replace(",", "")
    steps = []
    if subnet.chain.coins(key) == 0:
        steps.append(f"send some of the chain's coin to 0x{key.hex()}: it pays for gas")
    if missing > 0:
        wanted = shown_amount(missing).replace(",", "")
        steps.append(f'grail token send 0x{key.hex()} "{wanted}"   (somebody who has tokens)')
    return [*steps, f'grail register --role {role} --stake "{amount}" --config {config}']


def stake_for(subnet: Subnet, role: str, groups: int) -> int:
    """The least stake in wei that lets a role work as its settings say."""
    policy = subnet.latest_policy()
    least = {
        "miner": max(policy.min_stake_miner, groups * policy.bond_per_group),
        "validator": policy.min_stake_validator,
        "trainer": policy.min_stake_trainer,
    }
    return least[role]
