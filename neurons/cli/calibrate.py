"""grail calibrate: measure a checkpoint's honest noise."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(calibrate)


def calibrate(
    folder: Annotated[Path, typer.Argument(help="Checkpoint folder: safetensors, config, tokenizer, rules.json.")],
    env: Annotated[str, typer.Option("--env", help="Environment whose problems are used.")] = "arithmetic/1",
    rollouts: Annotated[int, typer.Option(help="Rollouts to generate and replay.", min=1)] = 2_048,
    engine: Annotated[str, typer.Option(help="Inference engine.")] = "transformers",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the profile, write nothing.")] = False,
) -> None:
    """Fit the calibration profile of a checkpoint on honest pairs and write it beside the weights.

    Each rollout is generated in several batch shapes and replayed in others; bf16 is replayed in float32 too, which
    stands for other machines. Without a profile there is no audit.

    Example: grail calibrate ./my-checkpoint --env arithmetic/1
    """
    from grail.checkpoints.files import CALIBRATION, open_checkpoint
    from grail.environments.registry import Environments
    from grail.inference import open_engine
    from grail.inference.base import RolloutRequest
    from grail.inference.text import TextCodec
    from grail.proofs.sketch import SketchPlan
    from grail.protocol.hashing import keccak256
    from grail.verification.calibration import calibrate as fit
    from grail.verification.calibration import profile_summary

    checkpoint = open_checkpoint(folder)
    environment = Environments.installed().by_id(env)
    codec = TextCodec(checkpoint)
    keys = [keccak256(b"grail/calibration/1" + i.to_bytes(8, "big")) for i in range(rollouts)]
    requests = [RolloutRequest(codec.encode(environment.problem(key).prompt), key) for key in keys]
    plan = SketchPlan(keccak256(b"grail/calibration/1"), 8, 8)
    typer.echo(f"{rollouts} rollouts, three batch shapes, two replays each …", err=True)
    profile = fit(
        open_engine(engine, checkpoint), requests, plan, engine_name=engine, precision=checkpoint.rules.precision
    )
    for name, line in profile_summary(profile).items():
        typer.echo(f"{name:10s} {line}")
    typer.echo(
        f"{profile.rollouts} replays, {profile.tokens} tokens, largest honest margin {profile.largest_margin:.3g} nats"
    )
    if dry_run:
        return
    (folder / CALIBRATION).write_bytes(profile.to_bytes())
    typer.echo(f"wrote {folder / CALIBRATION}: {keccak256(profile.to_bytes()).hex()}")
