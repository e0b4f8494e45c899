"""grail deploy: a network's contracts, once, resumable, verified."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from grail.chain.base import Chain

NEXT = """give {book} to everybody; then, each with its own key
(grail init says it step by step, docs/running.md the whole way):
  grail register --role trainer --stake "5000 GRAIL"    an approved trainer
  grail publish tiny                                       the same key: the first checkpoint
  grail register --role miner --stake "2000 GRAIL"
  grail register --role validator --stake "10000 GRAIL\""""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(deploy)


def deploy(
    rpc: Annotated[str, typer.Option(help="JSON-RPC node to deploy to.")],
    config: Annotated[Path, typer.Option(help="The network's plan in TOML.")],
    keystore: Annotated[Path, typer.Option(help="Deployer's key; it pays the gas and gets no power.")] = Path(
        "keystore.json"
    ),
    password_file: Annotated[
        Path | None, typer.Option(help="File with the key's password; else GRAIL_PASSWORD, else asked.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Address book to write; other chains in it stay.")] = Path("network.json"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the plan, print the addresses, send nothing.")
    ] = False,
) -> None:
    """Deploy all contracts, hand everything to the timelock from the first block, verify the code on chain.

    Broken off, run it again: what stands is kept and checked. Done, it changes nothing and checks again.

    Example: grail deploy --rpc http://127.0.0.1:8545 --config plan.toml --keystore keystore.json
    """
    from grail.chain import open_chain
    from grail.chain.address_book import NAMES, AddressBook
    from grail.chain.deployment import deploy as run
    from grail.chain.deployment import predicted_address, verify_code
    from grail.chain.plan_file import load_plan, load_state, save_state
    from grail.config import KeySettings, Settings
    from grail.errors import SettingsError
    from neurons.wiring import unlock

    plan_file, chain = load_plan(config), open_chain(rpc)
    state_path = out.with_name(f"{out.stem}.{chain.chain_id}.state.json")
    state = load_state(state_path)
    if state is None and out.exists():
        book = AddressBook.load(out, chain.chain_id)
        verify_code(chain, book)
        typer.echo(f"chain {chain.chain_id} is deployed already, and its code is as packaged: see {out}")
        return
    signer = unlock(Settings(key=KeySettings(keystore=keystore, password_file=password_file)))
    if state is None:
        first = {"first_nonce": chain.nonce(signer.address), "first_block": chain.head().number}
        state = {"deployer": signer.name, **first}
    if state["deployer"] != signer.name:
        raise SettingsError(f"expected the key of {state['deployer']}, which began this deployment, got {signer.name}")
    plan = plan_file.plan(state["first_block"])
    if plan.follows:
        typer.echo(_succession(chain, plan.follows, plan.exchangeable))
    if dry_run:
        for i, name in enumerate(NAMES):
            typer.echo(f"{name:20} 0x{predicted_address(signer.address, state['first_nonce'] + i).hex()}")
        typer.echo(f"first window at block {plan.schedule.genesis}; nothing was sent")
        return
    save_state(state_path, state)
    with typer.progressbar(length=len(NAMES), label="deploying") as bar:
        book = run(chain, signer, plan, first_nonce=state["first_nonce"], notify=lambda _: bar.update(1))
    book.save(out)
    state_path.unlink()
    typer.echo(f"{len(NAMES)} contracts on chain {chain.chain_id}, code verified; address book: {out}")
    typer.echo(f"owner of everything: timelock 0x{book.treasury.hex()}; first window at block {plan.schedule.genesis}")
    typer.echo(f"next, before block {plan.schedule.genesis:,} (now {chain.head().number:,}): {NEXT.format(book=out)}")


def _succession(chain: "Chain", token: bytes, limit: int) -> str:
    """What this network takes over. Raises SettingsError where there is no such token, or more of it."""
    from grail.chain.contract import Contract
    from grail.errors import Reverted, SettingsError
    from grail.governance.acts import shown_amount

    place = f"0x{token.hex()}"
    if not chain.code(token):
        raise SettingsError(f"expected the token of the network before at {place}, got no contract: is it this chain?")
    try:
        supply = Contract(chain, "GrailToken", token).call("totalSupply")
    except Reverted as error:
        raise SettingsError(f"expected the token of the network before at {place}, got another contract") from error
    told = f"follows the token {place}: {shown_amount(limit)} of it are taken over, there are {shown_amount(supply)}"
    if supply > limit:
        raise SettingsError(f"{told}: while there are more, nobody could exchange any")
    return told
