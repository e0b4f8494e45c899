"""grail vote: what token holders decide, from proposal to execution."""

import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config, network, network_and_key

if TYPE_CHECKING:
    pass

Number = Annotated[str, typer.Argument(help="The proposal's number, or its first digits.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Vote on the network's rules with the tokens you hold or stake.", no_args_is_help=True)
    for command in (propose, vote, delegate, sign, relay, queue, execute):
        group.command()(command)
    group.command("list")(list_all)
    group.command()(show)
    app.add_typer(group, name="vote")


def list_all(config: Config = None) -> None:
    """Every proposal with its state.

    Example: grail vote list
    """
    subnet = network(config)
    motions = subnet.motions()
    for motion in motions:
        typer.echo(f"{str(motion.number)[:10]}…  {motion.state.name.lower():10} {motion.description.splitlines()[0]}")
    if not motions:
        typer.echo("no proposals so far: grail vote propose FILE")


def show(number: Number, config: Config = None) -> None:
    """One proposal: what it does in words, votes, quorum, deadlines.

    Example: grail vote show 8125
    """
    from grail.governance.acts import in_words
    from grail.governance.policy import ETHER

    subnet = network(config)
    motion = subnet.motion(number)
    current = subnet.latest_policy().as_dict()
    typer.echo(f"{motion.number}\n{motion.description}\n")
    for act in motion.acts:
        for line in in_words(act, current):
            typer.echo(f"  - {line}")
    head = subnet.chain.head().number
    typer.echo(f"\nstate    {motion.state.name.lower()} (voting in blocks {motion.start} to {motion.end}, now {head})")
    for name, votes in (("for", motion.in_favour), ("against", motion.against), ("abstain", motion.abstain)):
        typer.echo(f"{name:8} {votes / ETHER:,.1f} GRAIL")
    typer.echo(f"quorum   {motion.quorum / ETHER:,.1f} GRAIL (for and abstain count)")
    if motion.ready_at:
        typer.echo(f"executes {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(motion.ready_at))} or later")


def propose(
    file: Annotated[Path, typer.Argument(help="TOML: description, and what to change.")],
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, send nothing.")] = False,
) -> None:
    """Propose changes.

    A file such as

        description = "Twice the audits, paid by the treasury's share"

        [policy]
        audit_rollouts = 96
        settlement_bond = "600 GRAIL"

        [environments]                # replaces the whole mix
        "arithmetic/1" = { weight = 3, reward = 1000 }

    Example: grail vote propose more-audits.toml --dry-run
    """
    from grail.errors import SettingsError
    from grail.governance.acts import acts_from, in_words
    from grail.governance.policy import check

    try:
        tables = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"expected a proposal in TOML at {file}: {error}") from error
    acts, description = acts_from(tables), tables.get("description", "")
    if not description:
        raise SettingsError(f"expected a description in {file}: say why")
    subnet = network(config)
    current = subnet.latest_policy().as_dict()
    changes = {n: v for a in acts if a.function == "setMany" for n, v in zip(*a.values, strict=True)}
    check(current | changes, subnet.floors())
    for act in acts:
        for line in in_words(act, current):
            typer.echo(f"  - {line}")
    if dry_run:
        typer.echo("nothing was sent")
        return
    subnet, signer = network_and_key(config)
    subnet.propose_motion(signer, acts, description)
    typer.echo(f"proposed as {subnet.motions()[-1].number}")


def vote(
    number: Number,
    choice: Annotated[str, typer.Argument(help="for, against or abstain.")],
    config: Config = None,
    reason: Annotated[str, typer.Option(help="Why; stands on chain.")] = "",
) -> None:
    """Vote with everything held by (or delegated to) the key and everything it has staked.

    Example: grail vote vote 8125 for --reason "cheats are cheap to catch"
    """
    from grail.chain.subnet.votes import Choice
    from grail.errors import SettingsError
    from grail.governance.policy import ETHER

    choices = {"for": Choice.FOR, "against": Choice.AGAINST, "abstain": Choice.ABSTAIN}
    if choice not in choices:
        raise SettingsError(f"expected for, against or abstain, got {choice!r}")
    subnet, signer = network_and_key(config)
    motion = subnet.motion(number)
    subnet.cast(signer, motion.number, choices[choice], reason)
    typer.echo(f"{signer.name} voted {choice} with {subnet.voting_power(signer.address) / ETHER:,.1f} GRAIL")


def delegate(
    to: Annotated[str, typer.Argument(help="Who votes with your unstaked tokens; without it, you.")] = "",
    config: Config = None,
) -> None:
    """Let somebody vote with the tokens that the key holds. Held tokens vote only once they are delegated.

    Example: grail vote delegate
    """
    from grail.governance.acts import parse_address

    subnet, signer = network_and_key(config)
    target = parse_address(to) if to else signer.address
    subnet.delegate(signer, target)
    typer.echo(f"0x{target.hex()} votes with the tokens that {signer.name} holds; staked tokens vote with their staker")


def sign(
    number: Number,
    choice: Annotated[str, typer.Argument(help="for, against or abstain.")],
    config: Config = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it here; else it is printed.")] = None,
) -> None:
    """Sign a vote without sending it: who has the ballot can send it with `grail vote relay`, and pays the gas.

    Nobody can change it; nobody must send it. Sign one ballot a proposal: of two, whoever has both chooses.

    Example: grail vote sign 8125 for --out ballot.json
    """
    from grail.errors import SettingsError
    from grail.governance.ballots import CHOICES

    if choice not in CHOICES:
        raise SettingsError(f"expected for, against or abstain, got {choice!r}")
    subnet, signer = network_and_key(config)
    ballot = subnet.sign_ballot(signer, subnet.motion(number).number, choice).model_dump_json(indent=1)
    if out is None:
        typer.echo(ballot)
    else:
        out.write_text(ballot + "\n")
        typer.echo(f"{out}: hand it to anybody who runs: grail vote relay {out}")


def relay(
    files: Annotated[list[Path], typer.Argument(help="Signed ballots.")],
    config: Config = None,
    least: Annotated[str, typer.Option(help="Leave out ballots that count for less.")] = "1 wei",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check them, send nothing.")] = False,
) -> None:
    """Send votes that others have signed, and pay their gas. Each is checked first; exit code 1 where one was left out.

    Examples:

        grail vote relay ballot.json --dry-run

        grail vote relay ballots/*.json --least "100 GRAIL"
    """
    from grail.errors import BadInput, ChainError
    from grail.foreign.files import read_text
    from grail.governance.acts import parse_amount, shown_amount
    from grail.governance.ballots import MOST_BYTES, parse_ballot

    limit = parse_amount(least)
    subnet, signer = (network(config), None) if dry_run else network_and_key(config)
    left_out = 0
    for file in files:
        try:
            ballot = parse_ballot(read_text(file, "a signed ballot", most=MOST_BYTES).encode())
            weight = subnet.ballot_weight(ballot)
            if weight < limit:
                raise BadInput(f"it counts for {shown_amount(weight)}")
            if signer is not None:
                subnet.relay_ballot(signer, ballot)
        except (BadInput, ChainError) as error:
            left_out += 1
            typer.echo(f"{file}: left out: {error}", err=True)
            continue
        done = "would send" if signer is None else "sent"
        typer.echo(f"{file}: {done}: {ballot.voter} {ballot.choice}, {shown_amount(weight)}")
    if left_out:
        raise typer.Exit(1)


def queue(number: Number, config: Config = None) -> None:
    """Hand a successful proposal to the timelock. Anyone may.

    Example: grail vote queue 8125
    """
    subnet, signer = network_and_key(config)
    motion = subnet.motion(number)
    subnet.queue_motion(signer, motion)
    ready = subnet.motion(motion.number).ready_at
    typer.echo(f"queued; executes {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(ready))} or later")


def execute(number: Number, config: Config = None) -> None:
    """Carry out a queued proposal whose delay is over. Anyone may.

    Example: grail vote execute 8125
    """
    subnet, signer = network_and_key(config)
    subnet.execute_motion(signer, subnet.motion(number))
    typer.echo("executed; windows that begin from now on obey")
