"""Where a node's numbers go besides its database: Prometheus, TensorBoard, Weights & Biases. Each is one file's choice.

A duty's note is flattened to names and floats; a meter that fails loses its numbers and stops nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from grail.config import MeterSettings
from grail.errors import SettingsError, Unavailable

SEPARATOR = "/"
HELP = "Newest value that duties noted"


class Meter(Protocol):
    """Takes the numbers of one finished duty."""

    def note(self, neuron: str, duty: str, window: int, numbers: Mapping[str, float]) -> None:
        """`numbers`: by name, parts of a table as table/part."""
        ...


def numbers_of(note: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Every number of a note by its path; texts and lists are left out.

    >>> numbers_of({"loss": 1, "rewards": {"a": 0.5}, "why": "x"})
    {'loss': 1.0, 'rewards/a': 0.5}
    """
    found: dict[str, float] = {}
    for name, value in note.items():
        if isinstance(value, Mapping):
            found |= numbers_of(value, f"{prefix}{name}{SEPARATOR}")
        elif isinstance(value, bool | int | float):
            found[prefix + name] = float(value)
    return found


class Prometheus:
    """Serves gauges at http://HOST:PORT/metrics: grail_DUTY_NAME{neuron, part}."""

    def __init__(self, host: str, port: int) -> None:
        """Raises SettingsError where the port is taken, Unavailable without the client library."""
        try:
            import prometheus_client
        except ImportError as error:
            raise Unavailable("prometheus-client is not installed: pip install 'grail-network[metrics]'") from error
        self._library = prometheus_client
        self.registry = prometheus_client.CollectorRegistry()
        self._gauges: dict[str, Any] = {}
        try:
            self.server, _ = prometheus_client.start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise SettingsError(f"cannot serve metrics at {host}:{port} ({error.strerror}): choose another") from error

    def note(self, neuron: str, duty: str, window: int, numbers: Mapping[str, float]) -> None:
        """Set the gauges."""
        for name, value in {"window": float(window), **numbers}.items():
            head, _, part = name.partition(SEPARATOR)
            self._gauge(f"grail_{duty}_{head}").labels(neuron=neuron, part=part).set(value)

    def _gauge(self, name: str) -> Any:
        plain = "".join(c if c.isalnum() else "_" for c in name)
        if plain not in self._gauges:
            self._gauges[plain] = self._library.Gauge(plain, HELP, ["neuron", "part"], registry=self.registry)
        return self._gauges[plain]


class TensorBoard:
    """Event files in a folder: tensorboard --logdir FOLDER."""

    def __init__(self, folder: Path) -> None:
        """Raises Unavailable without the library."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise Unavailable("tensorboard is not installed: pip install 'grail-network[tensorboard]'") from error
        self._writer = SummaryWriter(str(folder))

    def note(self, neuron: str, duty: str, window: int, numbers: Mapping[str, float]) -> None:
        """One scalar each, on disk when it returns."""
        for name, value in numbers.items():
            self._writer.add_scalar(f"{duty}/{name}", value, window)
        self._writer.flush()


class WeightsAndBiases:
    """A run of a W&B project; WANDB_MODE=offline keeps it on this disk."""

    def __init__(self, project: str) -> None:
        """Raises Unavailable without the library."""
        try:
            import wandb
        except ImportError as error:
            raise Unavailable("wandb is not installed: pip install 'grail-network[wandb]'") from error
        self._run = wandb.init(project=project)

    def note(self, neuron: str, duty: str, window: int, numbers: Mapping[str, float]) -> None:
        """Log them at the window."""
        told = {f"{duty}/{name}": value for name, value in numbers.items()}
        self._run.log({"window": window, **told})


class Meters:
    """All that were asked for, as one."""

    def __init__(self, meters: tuple[Meter, ...] = (), log: Any = None) -> None:
        self._meters = meters
        self._log = log

    @classmethod
    def open(cls, settings: MeterSettings, log: Any) -> "Meters":
        """Those that the settings name."""
        found: list[Meter] = []
        if settings.port:
            found.append(Prometheus(settings.host, settings.port))
        if settings.tensorboard is not None:
            found.append(TensorBoard(settings.tensorboard))
        if settings.wandb:
            found.append(WeightsAndBiases(settings.wandb))
        return cls(tuple(found), log)

    def note(self, neuron: str, duty: str, window: int, note: Mapping[str, Any]) -> None:
        """Hand a duty's note to each; one that cannot write is named in the log."""
        numbers = numbers_of(note)
        for meter in self._meters:
            try:
                meter.note(neuron, duty, window, numbers)
            except (OSError, RuntimeError, ValueError) as error:
                self._log.warning("meter failed", meter=type(meter).__name__, reason=str(error))
