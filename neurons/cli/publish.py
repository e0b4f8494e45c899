"""grail publish: register a checkpoint, the first one of a network or one that a person brings."""

from typing import Annotated

import typer

from neurons.cli.session import Config


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(publish)


def publish(
    folder: Annotated[str, typer.Argument(help="A checkpoint folder, or a model's name: grail models list.")],
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store and send nothing.")] = False,
    no_run: Annotated[
        bool,
        typer.Option("--no-run", help="Do not run the model to see whether its profile fits: no room for it here."),
    ] = False,
) -> None:
    """Check a checkpoint and its calibration, store it, read it back, register it on chain. Done already, it says so.

    The key of the settings must be that of an approved trainer. Miners use it from the next window on.

    Examples: grail publish tiny --config trainer.toml --dry-run
              grail publish ./my-model --config trainer.toml
    """
    from grail.checkpoints.files import open_checkpoint
    from grail.config import load_settings
    from grail.environments.mandates import rules_of
    from grail.environments.registry import Environments
    from grail.foreign.urls import shown
    from grail.inference import installed_engines, open_engine
    from grail.models.library import Library
    from grail.protocol.units import WindowId
    from grail.runtime.fitness import measured
    from grail.runtime.publishing import NOTHING, examined, record_of, stored
    from grail.verification.fitness import DOUBTFUL
    from neurons.wiring import open_subnet, published_store, unlock

    settings = load_settings(config)
    checkpoint = open_checkpoint(Library(settings.work.models).find(folder))
    subnet, signer = open_subnet(settings), unlock(settings)
    plan = examined(subnet, checkpoint, subnet.worker_of(signer.address) or signer.address)
    typer.echo(f"{checkpoint.folder}: fingerprint {checkpoint.fingerprint.hex()}, calibrated, precision as declared")
    if plan.is_newest and plan.parent is not None:
        typer.echo(f"version {plan.parent.version} is this checkpoint already: nothing to do")
        return
    typer.echo(f"it follows version {plan.parent.version}" if plan.parent else "it is the network's first version")
    environments = subnet.environments(WindowId(subnet.current_window() or 0)).ids
    first = Environments.installed().by_id(environments[0])
    if not no_run:
        engines = {name: open_engine(name, checkpoint) for name in installed_engines()}
        fitness = measured(checkpoint, first, engines)
        fitness.require(DOUBTFUL)
        typer.echo(f"its profile fits: at most 10^{fitness.log10:.2f} against own honest work")
    places = " and ".join((settings.work.store, *map(shown, settings.work.relays)))
    if dry_run:
        typer.echo(f"would store it in {places} and register it as {signer.name}; nothing was sent")
        return
    typer.echo(f"storing it in {places}, and reading it back")
    manifest = stored(checkpoint, published_store(settings, subnet, signer))
    rules, parent = rules_of(checkpoint, first), plan.parent
    subnet.publish(signer, record_of(checkpoint, manifest, rules, parent.fingerprint if parent else NOTHING))
    published = subnet.checkpoint(subnet.latest_version())
    typer.echo(
        f"version {published.version}, in force from window {published.active_from} "
        f"(block {subnet.schedule.start(published.active_from):,})"
    )
    typer.echo("next: grail train; miners and validators fetch it by themselves")
