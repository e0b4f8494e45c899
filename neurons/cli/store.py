"""grail store: what lies in this node's object store, and what of it may go."""

from pathlib import Path
from typing import Annotated

import typer

from neurons.cli.session import Config


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="This node's objects.", no_args_is_help=True)
    group.command()(prune)
    group.callback()(lambda: None)  # one command, and still a group
    app.add_typer(group, name="store")


def prune(
    config: Config = None,
    folder: Annotated[Path | None, typer.Option(help="A relay's folder, in place of the settings' store.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, remove nothing.")] = False,
) -> None:
    """Remove objects and checkpoints that the network can no longer ask this node for.

    Running nodes do it by themselves once a window, and relays once an hour, unless work.keep is "everything".
    What was stored within the last day stays; so does everything that a dispute, an audit or a late joiner may need.

    Examples:

        grail store prune --config validator.toml --dry-run

        grail store prune --config relay.toml --folder /var/lib/grail/relay
    """
    from grail.config import load_settings
    from grail.errors import SettingsError
    from grail.runtime.retention import needed
    from grail.runtime.retention import prune as run
    from grail.storage import folder_of, open_store
    from grail.storage.file_store import FileStore
    from neurons.wiring import open_subnet

    settings = load_settings(config)
    store = FileStore(folder) if folder else open_store(settings.work.store)
    own = folder_of(store)
    if own is None:
        raise SettingsError(f"{settings.work.store} is a bucket: give it a rule that expires objects, by its own means")
    keep = needed(open_subnet(settings), store)
    found = run(keep, own, settings.work.folder / "checkpoints", dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    typer.echo(
        f"needed: {len(keep.objects):,} objects and {len(keep.checkpoints):,} checkpoints, since window {keep.since}\n"
        f"{verb} {found.objects:,} objects and {found.checkpoints:,} checkpoints, {found.freed / 2**20:,.1f} MiB"
    )
