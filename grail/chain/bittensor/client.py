"""The SDK's one importer: one connection in one loop of its own, one deadline a call, its errors as ours."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import bittensor as bt
from bittensor import storage
from bittensor.result import ChainError as NativeError

from grail.chain.accounts import Signer
from grail.chain.bittensor.base import Metagraph, Peer, Reason, Rules, Signed, Vector, WeightsRefused
from grail.errors import BadInput, ChainError, ChainUnavailable, GrailError, SettingsError, WrongChain
from grail.protocol.units import Address

SECONDS = 30.0
INCLUSION_SECONDS = 90.0
BATCH = 256
Some = TypeVar("Some")
_ITEMS = storage.SubtensorModule
NEEDED = (_ITEMS.Uids, _ITEMS.AssociatedEvmAddress, _ITEMS.SubnetEpochConsensus, _ITEMS.LastEpochBlock)
"""What this SDK reads before it sets weights, and older runtimes have not all of."""
REASONS = {
    "HotKeyNotRegisteredInSubNet": Reason.NOT_REGISTERED, "HotKeyNotRegisteredInNetwork": Reason.NOT_REGISTERED,
    "NeuronNoValidatorPermit": Reason.NO_PERMIT, "NotEnoughStakeToSetWeights": Reason.BELOW_STAKE,
    "SettingWeightsTooFast": Reason.RATE_LIMITED, "CommittingWeightsTooFast": Reason.RATE_LIMITED,
    "IncorrectWeightVersionKey": Reason.VERSION_KEY, "WeightVecLengthIsLow": Reason.TOO_FEW,
    "MaxWeightExceeded": Reason.TOO_LARGE,
}  # fmt: skip
CODES = {
    "rate_limited": Reason.RATE_LIMITED, "not_registered": Reason.NOT_REGISTERED,
    "insufficient_balance": Reason.NO_FEE,
}  # fmt: skip
"""Of the SDK's own codes, where no name of an error came."""


def open_wallet(name: str, hotkey: str, path: Path) -> Any:
    """A Bittensor wallet, of which the hotkey alone is read. Raises SettingsError where its file is not there."""
    wallet = bt.Wallet(name, hotkey, path=str(path.expanduser()))
    file = path.expanduser() / name / "hotkeys" / hotkey
    if not file.exists():
        raise SettingsError(
            f"expected a hotkey at {file}: btcli wallet new-hotkey, or check --wallet.name, --wallet.hotkey"
        )
    return wallet


def make_hotkey(name: str, hotkey: str, path: Path) -> bytes:
    """A wallet's hotkey, made where it is not there: without a password, as nodes use it. Its public key, 32 bytes."""
    wallet = bt.Wallet(name, hotkey, path=str(path))
    if not (path / name / "hotkeys" / hotkey).exists():
        wallet.create_new_hotkey(suppress=True)
    return bytes(wallet.hotkey.public_key)


def caller_of(headers: Mapping[str, str], body: bytes, *, method: str, path: str, receiver: str) -> str:
    """The hotkey (ss58) that signed a request for `receiver`, by btauth/1: recently, and only once. Raises BadInput."""
    try:
        told = bt.http_auth.verify(headers, body, method=method, path=path, self_hotkey_ss58=receiver)
    except bt.http_auth.AuthError as error:
        raise BadInput(f"expected a request signed by a hotkey (btauth/1) for {receiver}: {error}") from error
    return str(told.hotkey_ss58)


class SubtensorClient:
    """A node of Subtensor, as one hotkey uses it. Close it when done."""

    def __init__(
        self, network: str, wallet: Any, *, seconds: float = SECONDS, inclusion_seconds: float = INCLUSION_SECONDS
    ) -> None:
        """`network`: a name that the SDK knows (finney, test, local) or ws://…; `seconds`: for each call, or until a
        block holds what was sent.
        """
        self._inclusion_seconds = inclusion_seconds
        self._wallet = wallet
        self._seconds = seconds
        self._network = network
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="subtensor", daemon=True).start()
        self._client: Any = None

    def open(self) -> int:
        """Connect; returns the runtime's version. Raises WrongChain where SDK and runtime do not fit each other."""

        async def connect() -> int:
            pinned = self._network.startswith(("ws://", "wss://"))
            alone: dict[str, Any] = {"fallback_endpoints": [], "archive_endpoints": []} if pinned else {}
            client = bt.Client(self._network, **alone)
            await client.connect()
            self._client, substrate = client, cast(Any, client._substrate)
            spec = int(await client.spec_version())
            codec = await substrate.raw._runtimes.codec_at(None)
            for item in NEEDED:
                try:
                    codec.storage_entry(*item)
                except Exception as error:
                    raise WrongChain(
                        f"the runtime is of version {spec}, bittensor {bt.__version__} needs one with {item.name}: "
                        "use the SDK of that runtime, or another node"
                    ) from error
            return spec

        return self._run(connect())

    def close(self) -> None:
        """Leave."""
        if self._client is not None:
            with suppress(ChainError):
                self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def hotkey(self) -> str:
        """The ss58 address that signs."""
        return str(self._wallet.hotkey.ss58_address)

    @property
    def key(self) -> bytes:
        """Its public key, 32 bytes."""
        return bytes(self._wallet.hotkey.public_key)

    def signed(self, message: bytes) -> bytes:
        """The hotkey's sr25519 signature, 64 bytes."""
        return bytes(self._wallet.hotkey.sign(message))

    def creators(self) -> list[Address] | None:
        """Who may create contracts on this chain's EVM; None where everybody may, or where it has none."""

        async def read() -> list[Address] | None:
            query = self._client._substrate.query
            if await query("EVM", "DisableWhitelistCheck", []):
                return None
            return [bytes.fromhex(str(one)[2:]) for one in await query("EVM", "WhitelistedCreators", []) or ()]

        return self._run(read())

    def metagraph(self, netuid: int) -> Metagraph:
        """The subnet, all of it as of one block. Raises ChainError, SettingsError for a subnet that is none."""
        return self._run(self._metagraph(netuid))

    async def _metagraph(self, netuid: int) -> Metagraph:
        block = int(await self._client.block())
        block_hash = str(await self._client._substrate.block_hash(block))

        async def one(item: Any, *params: Any) -> Any:
            return await self._client._substrate.query(*item, list(params), block_hash=block_hash)

        async def many(item: Any, keys: list[list[Any]]) -> list[Any]:
            found: list[Any] = []
            for first in range(0, len(keys), BATCH):
                part = keys[first : first + BATCH]
                found += await self._client._substrate.query_batch(*item, part, block_hash=block_hash)
            return found

        if not await one(_ITEMS.NetworksAdded, netuid):
            raise SettingsError(f"expected a subnet, and there is none with netuid {netuid}")
        uids = list(range(int(await one(_ITEMS.SubnetworkN, netuid) or 0)))
        slots = [[netuid, uid] for uid in uids]
        hotkeys = [str(key) for key in await many(_ITEMS.Keys, slots)]
        coldkeys = await many(_ITEMS.Owner, [[key] for key in hotkeys])
        stakes = await many(_ITEMS.TotalHotkeyAlpha, [[key, netuid] for key in hotkeys])
        registered = await many(_ITEMS.BlockAtRegistration, slots)
        associated = await many(_ITEMS.AssociatedEvmAddress, slots)
        permits, updates = await one(_ITEMS.ValidatorPermit, netuid), await one(_ITEMS.LastUpdate, netuid)
        public = [bytes.fromhex(bt.evm.ss58_to_pubkey(key)[2:]) for key in hotkeys]
        peers = tuple(
            Peer(
                uid=uid, hotkey=hotkeys[uid], key=public[uid], coldkey=str(coldkeys[uid]),
                registered_at=int(registered[uid] or 0),
                permit=uid < len(permits) and bool(permits[uid]), stake=int(stakes[uid] or 0),
                last_update=int(updates[uid]) if uid < len(updates) else 0,
                evm=bytes.fromhex(associated[uid][0][2:]) if associated[uid] else None,
                associated_at=int(associated[uid][1]) if associated[uid] else 0,
            )
            for uid in uids
        )  # fmt: skip
        rules = Rules(
            tempo=int(await one(_ITEMS.Tempo, netuid)),
            commit_reveal=bool(await one(_ITEMS.CommitRevealWeightsEnabled, netuid)),
            rate_limit=int(await one(_ITEMS.WeightsSetRateLimit, netuid)),
            min_weights=int(await one(_ITEMS.MinAllowedWeights, netuid)),
            max_weight=int(await one(_ITEMS.MaxWeightsLimit, netuid)),
            version_key=int(await one(_ITEMS.WeightsVersionKey, netuid)),
            stake_threshold=int(await one(_ITEMS.StakeThreshold)),
            reveal_epochs=int(await one(_ITEMS.RevealPeriodEpochs, netuid)),
        )
        return Metagraph(netuid, block, block_hash, peers, rules)

    def nonce(self) -> int:
        """The next of the hotkey, as the newest block has it."""

        async def read() -> int:
            account = await self._client._substrate.query(*storage.System.Account, [self.hotkey])
            return int(account["nonce"])

        return self._run(read())

    def sign_weights(self, netuid: int, vector: Vector, version_key: int, blocks: int) -> Signed:
        """Sign weights, plain or as a commitment, as the subnet has it; good for `blocks`, a power of two. Sends
        nothing. Raises WeightsRefused, ChainError.
        """

        async def sign() -> Signed:
            intent = bt.SetWeights(netuid=netuid, weights={u: float(w) for u, w in vector}, version_key=version_key)
            plan = await self._client.plan(intent, self._wallet)
            nonce = int((await self._client._substrate.query(*storage.System.Account, [self.hotkey]))["nonce"])
            data, digest = await self._client._substrate.sign_extrinsic(
                plan.call, self._wallet.hotkey, nonce=nonce, period=blocks
            )
            reveal = plan.extras.get("reveal_round")
            last = int(await self._client.block()) + blocks  # read after signing: never too early
            return Signed(payload=data.hex(), hash=str(digest), nonce=nonce, last=last, reveal_round=reveal)

        return self._run(sign())

    def send(self, signed: Signed) -> None:
        """Send, wait for the block. Raises WeightsRefused with the chain's reason, ChainError where what became of it
        is not known.
        """

        async def submit() -> Any:
            extrinsic = bt._transport.contract.SignedExtrinsic(
                data=bytes.fromhex(signed.payload), extrinsic_hash=signed.hash
            )
            return await self._client._substrate.submit_signed(
                extrinsic, self._wallet.hotkey, wait_for_inclusion=True, wait_for_finalization=False
            )

        found = self._run(submit(), self._inclusion_seconds)
        if not found.success:
            raise _refused(found)

    def weights_of(self, netuid: int, uid: int) -> Vector:
        """What a validator's weights are, as the newest block has them."""

        async def read() -> Vector:
            found = await self._client._substrate.query(*_ITEMS.Weights, [netuid, uid])
            return tuple(sorted((int(u), int(w)) for u, w in found or ()))

        return self._run(read())

    def moment(self) -> float:
        """The newest block's time, in seconds since 1970."""

        async def read() -> float:
            return float((await self._client._substrate.query(*storage.Timestamp.Now, [])) or 0) / 1_000

        return self._run(read())

    def associate(self, netuid: int, signer: Signer, block: int) -> None:
        """Bind an EVM key to the hotkey's slot: the key signs for it. Raises WeightsRefused with the chain's reason,
        ChainError.
        """
        proof, number = bt.evm.association_proof(cast(Any, signer.account), self.hotkey, block)

        async def submit() -> Any:
            intent = bt.AssociateEvmKey(netuid=netuid, evm_key=signer.name, block_number=number, signature=proof)
            return await self._client.execute(intent, self._wallet, wait_for_finalization=False)

        found = self._run(submit(), self._inclusion_seconds)
        if not found.success:
            raise _refused(found)

    def _run(self, work: Coroutine[Any, Any, Some], seconds: float | None = None) -> Some:
        """In the loop, within the deadline; errors of the SDK as ours."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds or self._seconds)
        except TimeoutError:
            future.cancel()
            raise ChainUnavailable(f"{self._network} did not answer within {seconds or self._seconds:g} s") from None
        except NativeError as error:
            code = str(getattr(error.code, "value", error.code))
            if code in CODES:
                raise WeightsRefused(CODES[code], str(error)) from error
            raise ChainUnavailable(f"{self._network}: {error}") from error
        except GrailError:
            raise
        except Exception as error:
            raise ChainUnavailable(f"{self._network}: {type(error).__name__}: {error}") from error


def _refused(found: Any) -> WeightsRefused:
    """The chain's reason by the name of its error, else by the SDK's code for it."""
    name, code = getattr(found.error, "name", None), getattr(found.error, "code", None)
    reason = REASONS.get(str(name)) or CODES.get(str(getattr(code, "value", code))) or Reason.REFUSED
    return WeightsRefused(reason, str(found.message or name))
