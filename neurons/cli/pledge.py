"""grail pledge: what a miner has promised to deliver, what it delivered, what of its pay follows."""

from typing import Annotated

import typer

from neurons.cli.session import Config, network_and_key


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(pledge)


def pledge(
    groups: Annotated[int | None, typer.Argument(help="Groups to deliver a window; without it, only show.")] = None,
    config: Config = None,
) -> None:
    """Show your miner's pledge and record, or pledge another number of groups, in force two windows later.

    A running miner pledges `groups` of its settings by itself. More than is pledged is not paid; of what is pledged,
    pay follows the part that was delivered in the last windows.

    Examples:

        grail pledge --config miner.toml

        grail pledge 32 --config miner.toml
    """
    from grail.protocol.units import WindowId
    from grail.runtime.reckon import records_of

    subnet, signer = network_and_key(config)
    miner = subnet.worker_of(signer.address) or signer.address
    if groups is not None:
        subnet.pledge(signer, groups)
    window = subnet.current_window()
    if window is None:
        typer.echo(f"window 0, which has not begun: {subnet.pledged(WindowId(0), miner)} groups pledged")
        return
    record = records_of(subnet, window, [miner])[miner]
    later = subnet.pledged(WindowId(window + 2), miner)
    typer.echo(f"window {window}: {record.pledged} groups pledged; from window {window + 2} on: {later}")
    part = f"{record.delivered / record.promised:.1%}" if record.promised else "100.0%"
    typer.echo(
        f"delivered {record.delivered} of {record.promised} groups in the last {len(record.past)} windows with work: "
        f"this window is paid at {part}" + ("" if record.pledged else ", once a pledge is in force")
    )
