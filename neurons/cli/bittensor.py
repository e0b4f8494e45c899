"""grail bittensor: a subnet's hotkeys beside our neurons, and what would be set as its weights."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurons.cli.session import Config

if TYPE_CHECKING:
    from grail.chain.accounts import Signer
    from grail.chain.bittensor.base import Metagraph
    from grail.chain.bittensor.client import SubtensorClient
    from grail.chain.subnet import Subnet
    from grail.config import Settings
    from grail.protocol.units import WindowId

Netuid = Annotated[int | None, typer.Option("--netuid", help="The subnet.", min=0, max=65_535)]
WalletName = Annotated[str | None, typer.Option("--wallet.name", help="Coldkey's name; the key itself is not opened.")]
WalletHotkey = Annotated[str | None, typer.Option("--wallet.hotkey", help="Hotkey's name.")]
WalletPath = Annotated[Path | None, typer.Option("--wallet.path", help="Folder of wallets.")]
Network = Annotated[str | None, typer.Option("--subtensor.network", help="finney, test, local, or ws://…")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
CHECK_SECONDS = 8.0
CLOCK_SECONDS = 60.0
SHOWN = 12
SUBTENSOR_EVM = (964, 945)
"""Chain ids of mainnet's and testnet's EVM."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Stand in a subnet of Bittensor: docs/bittensor.md.", no_args_is_help=True)
    for command in (doctor, weights, metagraph, associate, bind):
        group.command()(command)
    app.add_typer(group, name="bittensor")


def doctor(
    config: Config = None, netuid: Netuid = None, name: WalletName = None, hotkey: WalletHotkey = None,
    path: WalletPath = None, network: Network = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Look at everything that standing in a subnet needs; exit code 1 where something is missing.

    Example: grail bittensor doctor --netuid 5 --wallet.name cold --wallet.hotkey hot --subtensor.network test
    """
    settings = _settings(config, netuid, name, hotkey, path, network)
    checks = list(_checks(settings))
    for check in checks:
        typer.echo(f"{'ok  ' if check['ok'] else 'BAD '} {check['name']:12} {check['detail']}")
    if as_json:
        typer.echo(json.dumps({"checks": checks}))
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)


def weights(
    config: Config = None, netuid: Netuid = None, name: WalletName = None, hotkey: WalletHotkey = None,
    path: WalletPath = None, network: Network = None, as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show; a validator sets them by itself.")] = False,
) -> None:  # fmt: skip
    """What the newest settled window would set as weights, and why not, where it would not.

    Example: grail bittensor weights --dry-run --netuid 5 --wallet.name cold --wallet.hotkey hot
    """
    from grail.chain.bittensor.base import WeightsRefused
    from grail.chain.bittensor.weights import vector_of
    from grail.errors import SettingsError
    from neurons.native import native_client
    from neurons.wiring import open_subnet
    from validator.duties.mirror import require_fit, window_rows

    if not dry_run:
        raise SettingsError("a running validator sets weights by itself: add --dry-run to see them")
    settings = _settings(config, netuid, name, hotkey, path, network)
    subnet = open_subnet(settings)
    window = newest_settled(subnet)
    with native_client(settings.bittensor) as client:
        graph = client.metagraph(settings.bittensor.netuid or 0)
        rows, reason = [], "no window is settled" if window is None else ""
        try:
            if window is not None:
                rows = window_rows(subnet, window, graph, settings.bittensor.burn_uid)
                vector_of(rows, graph.rules, require_fit(graph, client.hotkey).uid)
        except WeightsRefused as refused:
            reason = str(refused)
    listed = [{"uid": row.uid, "hotkey": row.hotkey, "score": row.score, "u16": row.u16} for row in rows]
    for row in listed:
        typer.echo(f"{row['uid']:5}  {row['u16']:5}  {row['score']:15,}  {row['hotkey']}")
    typer.echo(f"window {window}, epoch {graph.epoch}: " + (reason or f"{len(listed)} weights would be set"))
    if as_json:
        said = {"netuid": graph.netuid, "epoch": graph.epoch, "window": window, "rows": listed, "reason": reason}
        typer.echo(json.dumps(said))


def metagraph(
    config: Config = None, netuid: Netuid = None, name: WalletName = None, hotkey: WalletHotkey = None,
    path: WalletPath = None, network: Network = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The subnet's slots as of one block: hotkey, permit, stake, the weight that this hotkey gives it, and the EVM
    account that it is bound to.

    Example: grail bittensor metagraph --netuid 5 --wallet.name cold --wallet.hotkey hot
    """
    from grail.chain.bittensor import binding
    from grail.chain.bittensor.base import RAO
    from neurons.native import native_client

    settings = _settings(config, netuid, name, hotkey, path, network)
    with native_client(settings.bittensor) as client:
        graph = client.metagraph(settings.bittensor.netuid or 0)
        own = graph.by_hotkey(client.hotkey)
        given = dict(client.weights_of(graph.netuid, own.uid)) if own else {}
    bound = binding.bind(graph, _named(settings, [peer.evm for peer in graph.peers if peer.evm]))
    account = {peer.uid: "0x" + evm.hex() for evm, peer in bound.peers.items()}
    for peer in graph.peers:
        cells = f"{'permit' if peer.permit else '':6}  {given.get(peer.uid, 0):5}  {account.get(peer.uid, '–')}"
        typer.echo(f"{peer.uid:5}  {peer.hotkey[:SHOWN]}…  {peer.stake / RAO:14,.2f}  {cells}")
    for line in bound.odd:
        typer.echo(line, err=True)
    typer.echo(f"block {graph.block}, epoch {graph.epoch}, {len(graph.peers)} slots, {len(account)} bound")
    if as_json:
        peers = [
            {"uid": p.uid, "hotkey": p.hotkey, "permit": p.permit, "stake_rao": p.stake, "evm": account.get(p.uid)}
            | {"weight": given.get(p.uid, 0)}
            for p in graph.peers
        ]
        said = {"netuid": graph.netuid, "block": graph.block, "epoch": graph.epoch, "peers": peers}
        typer.echo(json.dumps(said | {"odd": list(bound.odd)}))


def associate(
    config: Config = None, netuid: Netuid = None, name: WalletName = None, hotkey: WalletHotkey = None,
    path: WalletPath = None, network: Network = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Sign and show, send nothing.")] = False,
) -> None:  # fmt: skip
    """Bind the neuron's EVM account to the hotkey's slot: the EVM key signs, the hotkey sends, once in a day at most;
    and the neuron names the hotkey on our chain, so that no other can show an old proof. With the neuron's own key.

    Example: grail bittensor associate --netuid 5 --wallet.name cold --wallet.hotkey hot --config miner.toml
    """
    from neurons.native import native_client
    from neurons.wiring import open_subnet, unlock

    settings = _settings(config, netuid, name, hotkey, path, network)
    signer, subnet = unlock(settings), open_subnet(settings)
    _require_neuron(subnet, signer)
    with native_client(settings.bittensor) as client:
        number = settings.bittensor.netuid or 0
        block = client.metagraph(number).block
        if dry_run:
            typer.echo(f"{signer.name} would be bound to {client.hotkey} in subnet {number}, signed for block {block}")
            return
        subnet.name_hotkey(signer, client.key)
        client.associate(number, signer, block)
        typer.echo(f"{signer.name} is bound to {client.hotkey} in subnet {number}")


def bind(
    config: Config = None, netuid: Netuid = None, name: WalletName = None, hotkey: WalletHotkey = None,
    path: WalletPath = None, network: Network = None,
) -> None:  # fmt: skip
    """On Subtensor's EVM: let the hotkey's alpha count for this validator, where votes let alpha count (ADR 33).

    Example: grail bittensor bind --netuid 5 --wallet.name cold --wallet.hotkey hot --config validator.toml
    """
    from grail.errors import SettingsError
    from neurons.native import native_client
    from neurons.wiring import open_subnet, unlock

    settings = _settings(config, netuid, name, hotkey, path, network)
    signer, subnet = unlock(settings), open_subnet(settings)
    validator = subnet.worker_of(signer.address)
    if subnet.alpha_netuid != settings.bittensor.netuid or validator is None:
        raise SettingsError(
            f"expected a validator's key, and a network whose alpha is of subnet {settings.bittensor.netuid}; this "
            f"one's is of {subnet.alpha_netuid or 'none'}, {signer.name} works for {'one' if validator else 'nobody'}"
        )
    with native_client(settings.bittensor) as client:
        proof = client.signed(subnet.hotkey_binding(validator, client.key))
        subnet.bind_hotkey(signer, client.key, proof)
        typer.echo(f"alpha of {client.hotkey} counts for 0x{validator.hex()} once it has been read in two windows")


def newest_settled(subnet: "Subnet") -> "WindowId | None":
    """The last window whose settlement is final; None where there is none among the last twenty."""
    from grail.protocol.units import WindowId

    current = subnet.current_window() or 0
    numbers = range(current, max(-1, current - 20), -1)
    return next((WindowId(number) for number in numbers if subnet.round(WindowId(number)).closed), None)


def _settings(config, netuid, name, hotkey, path, network) -> "Settings":  # type: ignore[no-untyped-def]
    from grail.config import load_settings, with_bittensor_flags

    flags = {
        "netuid": netuid, "wallet.name": name, "wallet.hotkey": hotkey, "wallet.path": path,
        "subtensor.network": network,
    }  # fmt: skip
    return with_bittensor_flags(load_settings(config), flags)


def _checks(settings: "Settings") -> Iterator[dict[str, Any]]:
    """One after the other; what rests on something that is missing is left out."""
    from grail.errors import GrailError
    from neurons.native import native_client

    try:
        with native_client(settings.bittensor, CHECK_SECONDS) as client:
            yield _said("runtime", True, f"{settings.bittensor.network} fits the SDK")
            graph = client.metagraph(settings.bittensor.netuid or 0)
            yield from _of_subnet(settings, client, graph)
            yield from _of_whitelist(settings, client)
    except GrailError as error:
        yield _said("runtime", False, str(error))
    yield from _of_evm(settings)


def _said(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}


def _of_subnet(settings: "Settings", client: "SubtensorClient", graph: "Metagraph") -> Iterator[dict[str, Any]]:
    from grail.chain.bittensor import binding
    from grail.errors import GrailError
    from neurons.wiring import keystore_address, keystore_of

    off = abs(time.time() - client.moment())
    yield _said("clock", off < CLOCK_SECONDS, f"{off:.0f} s from the newest block's time")
    peer = graph.by_hotkey(client.hotkey)
    missing = f"{client.hotkey} is not in subnet {graph.netuid}: btcli subnet register"
    yield _said("registered", peer is not None, missing if peer is None else f"uid {peer.uid}")
    if peer is None:
        return
    threshold = graph.rules.stake_threshold
    yield _said("permit", peer.permit, "yes" if peer.permit else "none: validators need one to set weights")
    yield _said("stake", peer.stake >= threshold, f"{peer.stake:,} rao; weights need {threshold:,}")
    account = keystore_address(keystore_of(settings))
    try:
        named = {} if account is None else _named(settings, [account])
    except GrailError as error:
        yield _said("association", False, str(error))
        return
    bound = None if account is None else binding.bind(graph, named).peers.get(account)
    good = bound is not None and bound.uid == peer.uid
    remedy = "the EVM account is not bound to this hotkey: grail bittensor associate"
    yield _said("association", good, f"0x{account.hex()}" if good and account else remedy)


def _of_whitelist(settings: "Settings", client: "SubtensorClient") -> Iterator[dict[str, Any]]:
    """Only for who has no network yet and is to found one on Subtensor's EVM."""
    from grail.errors import GrailError
    from neurons.wiring import keystore_address, keystore_of

    if settings.chain.address_book.exists():
        return
    with suppress(GrailError):  # a node that is not there is told of below
        if _chain_id(settings) in SUBTENSOR_EVM:
            yield _may_create(client.creators(), keystore_address(keystore_of(settings)))


def _may_create(creators: list[bytes] | None, account: bytes | None) -> dict[str, Any]:
    good = creators is None or account in creators
    remedy = (
        "this account may not create contracts there: ask the chain's operators to add it to EVM.WhitelistedCreators"
    )
    return _said("whitelist", good, "everybody may deploy" if creators is None else "listed" if good else remedy)


def _require_neuron(subnet: "Subnet", signer: "Signer") -> None:
    from grail.errors import SettingsError
    from grail.protocol.records import Role

    if subnet.neuron(signer.address).role is Role.NONE:
        raise SettingsError(f"expected a registered neuron's own key, and {signer.name} is none: grail register first")


def _named(settings: "Settings", accounts: list[bytes]) -> dict[bytes, bytes]:
    """Which hotkeys accounts have named on our chain; nothing without a network."""
    from neurons.wiring import open_subnet

    if not settings.chain.address_book.exists():
        return {}
    subnet = open_subnet(settings)
    return {account: key for account in accounts if (key := subnet.hotkey_named(account))}


def _of_evm(settings: "Settings") -> Iterator[dict[str, Any]]:
    """What the EVM side needs: an account that can pay gas."""
    from grail.errors import GrailError
    from neurons.wiring import keystore_address, keystore_of

    account = keystore_address(keystore_of(settings))
    if account is None:
        yield _said("evm-balance", False, f"no key at {keystore_of(settings)}: grail keys new, or --evm_key")
        return
    try:
        balance = _coins(settings, account)
    except GrailError as error:
        yield _said("evm-balance", False, str(error))
        return
    yield _said("evm-balance", balance > 0, f"0x{account.hex()} has {balance / 1e18:.6f} for gas")


def _chain_id(settings: "Settings") -> int:
    from grail.chain.jsonrpc import JsonRpcChain

    return JsonRpcChain.connect([settings.chain.url, *settings.chain.urls]).chain_id


def _coins(settings: "Settings", account: bytes) -> int:
    from grail.chain.jsonrpc import JsonRpcChain

    return JsonRpcChain.connect([settings.chain.url, *settings.chain.urls]).coins(account)
