"""One typed settings tree: GRAIL_ variables over a TOML file over defaults. The only reader of the environment.

Protocol parameters never live here: they are read from the chain. Secrets come from the environment or a file and never
from TOML, so that a configuration can be shown and shared.
"""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from grail.errors import SettingsError
from grail.foreign.files import read_text

Model = TypeVar("Model", bound=pydantic.BaseModel)


class ChainSettings(pydantic.BaseModel, extra="forbid"):
    """Which network."""

    url: str = pydantic.Field("http://127.0.0.1:8545", description="JSON-RPC node")
    urls: tuple[str, ...] = pydantic.Field((), description="further nodes of the same chain, asked when it fails")
    confirmations: int = pydantic.Field(
        2, ge=0, le=64, description="blocks after a window's first one before work on it begins"
    )
    max_fee_gwei: int = pydantic.Field(1_000, ge=1, description="most that a transaction offers for a unit of gas")
    address_book: Path = pydantic.Field(Path("network.json"), description="the network's contracts")
    drand: tuple[str, ...] = pydantic.Field(
        (), description="relays of drand, URLs with the chain hash, for networks that draw from it; none: quicknet's"
    )


class KeySettings(pydantic.BaseModel, extra="forbid"):
    """Who this node is."""

    keystore: Path = pydantic.Field(Path("keystore.json"), description="encrypted eth keystore (V3)")
    password_file: Path | None = pydantic.Field(
        None, description="file with the password; else GRAIL_PASSWORD, else asked"
    )


class WorkSettings(pydantic.BaseModel, extra="forbid"):
    """Where and how this node works."""

    folder: Path = pydantic.Field(Path("grail-data"), description="database, checkpoints, logs")
    store: str = pydantic.Field(
        "file://grail-objects", description="object store shared by the network: file:// or s3://"
    )
    endpoint: str = pydantic.Field(
        "",
        description="where others read this node's store, registered on chain; empty: at the relays, if there are any",
    )
    relays: tuple[str, ...] = pydantic.Field(
        (), description="relays that this node's objects are put to, for nodes that others cannot reach"
    )
    private_endpoints: bool = pydantic.Field(
        False, description="read others' objects at private addresses, too: for networks of one's own machines"
    )
    models: Path = pydantic.Field(Path.home() / ".cache/grail/models", description="models by name: grail models")
    engine: str = pydantic.Field("transformers", description="inference engine: transformers or vllm")
    device: str = pydantic.Field("auto", description="auto, cpu or cuda")
    ray: str = pydantic.Field("", description='a Ray cluster that replays: its address, "auto", or "local"')
    groups: int = pydantic.Field(64, ge=1, description="most groups a miner commits in a window")
    threads: int = pydantic.Field(0, ge=0, description="CPU threads of the engine; 0 leaves the library's choice")
    keep: Literal["needed", "everything"] = pydantic.Field(
        "needed", description="objects and checkpoints: what the network may still ask for, or everything for ever"
    )
    poll_seconds: float = pydantic.Field(1.0, gt=0, description="how often the chain is looked at")
    watchdog_seconds: float = pydantic.Field(60.0, gt=0, description="name a duty that runs longer than this")


class DatabaseSettings(pydantic.BaseModel, extra="forbid"):
    """Where rows are kept."""

    url: str = pydantic.Field("", description="sqlite:///PATH or postgresql://…; empty: files in work.folder")


class BittensorSettings(pydantic.BaseModel, extra="forbid"):
    """Which subnet of Bittensor, and as whom; nothing of it is used without `netuid`."""

    netuid: int | None = pydantic.Field(None, ge=0, le=65_535, description="the subnet; without it there is none")
    network: str = pydantic.Field("finney", description="finney, test, local, or the ws:// address of a node")
    wallet_name: str = pydantic.Field("default", description="coldkey's name: a folder in wallet_path")
    wallet_hotkey: str = pydantic.Field("default", description="hotkey's name; the coldkey itself is never opened")
    wallet_path: Path = pydantic.Field(Path.home() / ".bittensor/wallets", description="folder of wallets")
    evm_key: str = pydantic.Field(
        "", description="an EVM key of the wallet (its evmkeys folder) to work with, instead of key.keystore"
    )
    burn_uid: int | None = pydantic.Field(
        None, ge=0, le=65_535, description="uid that gets the weight of what no bound miner has earned; none: nobody"
    )

    @property
    def evm_keystore(self) -> Path:
        """The file of `evm_key`."""
        return self.wallet_path.expanduser() / self.wallet_name / "evmkeys" / self.evm_key


class MeterSettings(pydantic.BaseModel, extra="forbid"):
    """Where numbers go besides the database."""

    host: str = pydantic.Field("127.0.0.1", description="address that Prometheus may ask at")
    port: int = pydantic.Field(0, ge=0, le=65_535, description="port of /metrics for Prometheus; 0: none")
    tensorboard: Path | None = pydantic.Field(None, description="folder of TensorBoard's event files")
    wandb: str = pydantic.Field("", description="a project of Weights & Biases")


class TrainingSettings(pydantic.BaseModel, extra="forbid"):
    """The trainer's optimizer. Defaults suit the shipped tiny model."""

    learning_rate: float = pydantic.Field(2e-4, gt=0)
    warmup_steps: int = pydantic.Field(
        25,
        ge=1,
        description="optimizer steps to the full rate (AdamW's first, without history, do harm); "
        "it then falls with the inverse square root of the step, because late steps are mostly noise",
    )
    epochs: int = pydantic.Field(1, ge=1, description="passes over a window's groups")
    minibatches: int = pydantic.Field(3, ge=1, description="optimizer steps a pass")
    objective: Literal["grpo", "dr_grpo", "dapo", "two_sided_grpo", "gspo", "cispo"] = pydantic.Field(
        "dapo", description="formulas and papers: grail/training/objectives.py"
    )
    advantages: Literal["", "normalised", "centred", "leave_one_out"] = pydantic.Field(
        "", description="empty: those of the objective's paper"
    )
    two_sided: float = pydantic.Field(4.0, gt=1, description="most that a ratio counts for (two_sided_grpo)")
    truncation: float | None = pydantic.Field(None, gt=0, description="most that old over behaviour counts for")
    compute: Literal["fp32", "bf16"] = pydantic.Field("fp32", description="of products; weights are kept in float32")
    lora_rank: int = pydantic.Field(0, ge=0, le=1_024, description="train and publish an adapter; 0: all weights")
    lora_alpha: int = pydantic.Field(32, ge=1, description="an adapter counts lora_alpha / lora_rank")
    kl_weight: float = pydantic.Field(0.0, ge=0, description="of the KL divergence from the reference in the loss")
    reference: Path | None = pydantic.Field(None, description="checkpoint folder that kl_weight draws towards")
    gradient_checkpointing: bool = pydantic.Field(False, description="less memory, a third more time")
    easiest: float = pydantic.Field(1.0, gt=0, le=1, description="groups that are right more often are left out")
    longest: int = pydantic.Field(1 << 20, ge=1, description="groups with a longer completion are left out")
    miner_share: float = pydantic.Field(0.5, gt=0, le=1, description="most of a batch that one of several miners gives")
    alarm_kl: float = pydantic.Field(1.0, gt=0, description="nats a token from which an update is not published")
    alarm_gradient_norm: float = pydantic.Field(1e3, gt=0, description="norm from which an update is not published")
    canaries: int = pydantic.Field(16, ge=0, le=1_024, description="held-out problems of each environment to watch")
    alarm_canary: float = pydantic.Field(
        3.0, gt=0, description="nats that their right answers may lose against wrong ones before nothing is published"
    )
    check_fitness: bool = pydantic.Field(
        True,
        description="audit own honest work on each new version, and calibrate anew where the profile does not fit; "
        "takes memory for the model, in bf16 for a float32 copy, too",
    )
    clip_low: float = pydantic.Field(0.2, gt=0, lt=1, description="ratio clip below 1")
    clip_high: float = pydantic.Field(0.28, gt=0, description="ratio clip above 1 (DAPO's clip-higher)")
    gradient_norm: float = pydantic.Field(1.0, gt=0)
    weight_decay: float = pydantic.Field(0.0, ge=0)
    seed: int = 0


class Settings(BaseSettings):
    """Everything a node is told. `grail config show` prints it."""

    model_config = SettingsConfigDict(env_prefix="GRAIL_", env_nested_delimiter="__", extra="forbid")

    chain: ChainSettings = ChainSettings()
    key: KeySettings = KeySettings()
    work: WorkSettings = WorkSettings()
    training: TrainingSettings = TrainingSettings()
    meters: MeterSettings = MeterSettings()
    database: DatabaseSettings = DatabaseSettings()
    bittensor: BittensorSettings = BittensorSettings()
    password: pydantic.SecretStr | None = pydantic.Field(None, description="keystore password (environment only)")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings


BITTENSOR_FLAGS = {
    "netuid": "netuid", "subtensor.network": "network", "subtensor.chain_endpoint": "network",
    "wallet.name": "wallet_name", "wallet.hotkey": "wallet_hotkey", "wallet.path": "wallet_path",
}  # fmt: skip
"""Flags as Bittensor's people know them, and our settings."""
BITTENSOR_VARIABLES = {
    "BT_SUBTENSOR_NETWORK": "network", "BT_SUBTENSOR_CHAIN_ENDPOINT": "network",
    "BT_WALLET_NAME": "wallet_name", "BT_WALLET_HOTKEY": "wallet_hotkey", "BT_WALLET_PATH": "wallet_path",
}  # fmt: skip
"""Variables that the SDK's tools read, too; GRAIL_BITTENSOR__… wins over them. None names a subnet: what lies about in
a shell must not make a test network's validator set real weights."""


def with_bittensor_flags(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """Settings with the flags that were given, which win over everything. Raises SettingsError."""
    given = {BITTENSOR_FLAGS[name]: value for name, value in flags.items() if value is not None}
    if not given:
        return settings
    try:
        told = BittensorSettings.model_validate({**settings.bittensor.model_dump(), **given})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"--{first['loc'][0]}: {first['msg']}") from error
    return settings.model_copy(update={"bittensor": told})


def training_settings(told: Sequence[str]) -> TrainingSettings:
    """Defaults with NAME=VALUE each. Raises SettingsError naming what is wrong."""
    pairs = [text.partition("=") for text in told]
    for name, equals, _ in pairs:
        if not equals or name not in TrainingSettings.model_fields:
            known = ", ".join(TrainingSettings.model_fields)
            raise SettingsError(f"expected NAME=VALUE with a name among {known}; got {name!r}")
    try:
        return TrainingSettings.model_validate({name: value for name, _, value in pairs})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"training setting {first['loc'][0]}: {first['msg']}") from error


def load_settings(path: Path | None = None) -> Settings:
    """Read a TOML file (optional) and the environment. Raises SettingsError naming file, key and what is wrong."""
    values: dict[str, Any] = {}
    if path is not None:
        values = _read_toml(path, "a settings file")
        if "password" in values:
            raise SettingsError(f"expected no password in {path}: use key.password_file or GRAIL_PASSWORD")
    known = {ours: os.environ[name] for name, ours in BITTENSOR_VARIABLES.items() if os.environ.get(name)}
    if known:
        values["bittensor"] = {**values.get("bittensor", {}), **known}
    try:
        return Settings(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"setting {place} in {path or 'the environment'}: {first['msg']}") from error


def local_rank() -> int | None:
    """This process's number on this machine where torchrun started it, else None."""
    return int(os.environ["LOCAL_RANK"]) if "LOCAL_RANK" in os.environ else None


def tell_libraries(**variables: str) -> None:
    """Set environment variables that a library reads and takes no argument for; what the user has set stays."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def read_password(settings: Settings) -> str | None:
    """The keystore password from file or environment; None when it must be asked for."""
    if settings.key.password_file is not None:
        found = read_text(settings.key.password_file, "a password file").rstrip("\r\n")
        if not found:
            raise SettingsError(f"expected a password in {settings.key.password_file}, which is empty")
        return found
    if settings.password is None and settings.bittensor.evm_key:
        return os.environ.get("BT_WALLET_PASSWORD")
    return settings.password.get_secret_value() if settings.password else None


def load_toml(path: Path, model: type[Model], what: str) -> Model:
    """Read and check. `what`: the file, in words. Raises SettingsError naming file, key and what is wrong."""
    values = _read_toml(path, what)
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{'.'.join(map(str, first['loc']))} in {path}: {first['msg']}") from error


def _read_toml(path: Path, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, what))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"expected TOML in {path}, got: {error}") from error


def toml_text(chosen: Mapping[str, Mapping[str, Any]]) -> str:
    """Settings as a TOML file: of each table the chosen keys, with what they are as comments. Checked by reading it."""
    tables = {name: field.annotation for name, field in Settings.model_fields.items()}
    lines: list[str] = []
    for table, values in chosen.items():
        about = getattr(tables[table], "model_fields", {})
        lines.append(f"[{table}]")
        for key, value in values.items():
            words = about[key].description
            lines += [f"# {words}"] if words else []
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        lines.append("")
    return "\n".join(lines)


def environment_of_programs() -> dict[str, str]:
    """The environment for programs that have settings of their own: without the GRAIL_ variables of whoever starts
    them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GRAIL_")}
