"""The terminal view of a run: what a person would rather look at than read. Without a terminal, one line a window."""

import sys
from collections import deque
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from grail.protocol.records import Role
from grail.storage.tables import EventRow
from grail.training.evaluation import Accuracy
from simulation.cast import GRAIL, POCKET, STAKES, Part
from simulation.network import LocalNetwork

BARS = "▁▂▃▄▅▆▇█"
SHOWN_EVENTS = 8
QUIET_EVENTS = ("Transfer", "Approval", "ParameterSet", "DelegateVotesChanged")


class LiveView:
    """Shows a network while it runs. Use as a context manager; `quiet` shows nothing."""

    def __init__(self, windows: int, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._fancy = not quiet and sys.stderr.isatty()
        self._plain = not quiet and not self._fancy
        self._phase = "starting"
        self._network: LocalNetwork | None = None
        self._accuracies: list[tuple[int, Accuracy, Accuracy]] = []
        self._events: deque[str] = deque(maxlen=SHOWN_EVENTS)
        self._progress = Progress(
            TextColumn("[bold]window"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("windows", total=windows)
        self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4, screen=False)

    def __enter__(self) -> "LiveView":
        if self._fancy:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fancy:
            self._live.stop()

    def phase(self, name: str) -> None:
        """What is being done now."""
        self._phase = name
        if self._plain and self._network is None:
            self._console.print(f"{name} …", highlight=False, soft_wrap=True)

    def attach(self, network: LocalNetwork) -> None:
        """The network is set up."""
        self._network = network
        self._progress.update(self._task, completed=network.next_window)
        for entry in network.run_log.of("accuracy"):
            self._add_accuracy(entry)

    def evaluated(self) -> None:
        """A new evaluation is in the log."""
        assert self._network is not None
        self._add_accuracy(self._network.run_log.of("accuracy")[-1])

    def window_done(self) -> None:
        """A window has been settled and saved."""
        network = self._network
        assert network is not None
        self._progress.update(self._task, completed=network.next_window)
        for event in network.journal.events()[-4 * SHOWN_EVENTS :]:
            if event.name not in QUIET_EVENTS:
                self._events.append(describe(event, network.parts))
        if self._plain:
            self._console.print(self._line(network), highlight=False, soft_wrap=True)

    def _add_accuracy(self, entry: dict) -> None:
        pair = [Accuracy(entry[kind]["right"], entry[kind]["count"]) for kind in ("sampled", "greedy")]
        self._accuracies.append((entry["window"], pair[0], pair[1]))

    def _line(self, network: LocalNetwork) -> str:
        entry = network.run_log.of("window")[-1]
        accuracy = f"held-out {self._accuracies[-1][1].share:.1%} (greedy {self._accuracies[-1][2].share:.1%})"
        jailed = [e["name"] for e in network.run_log.of("neuron") if e["window"] == entry["window"] and e["jailed"]]
        return (
            f"window {entry['window'] + 1:3d}/{network.options.windows}  v{entry['checkpoint']}  "
            f"reward {entry['update'].get('reward', 0):.3f}  {accuracy}  jailed: {', '.join(jailed) or 'nobody'}  "
            f"money {'reconciles' if entry['reconciled'] else 'DOES NOT RECONCILE'}"
        )

    def _render(self) -> Group:
        parts: list = [self._progress, Text(f" {self._phase}", style="dim")]
        if self._accuracies:
            parts.append(Panel(self._curve(), title="held-out accuracy", title_align="left"))
        if self._network is not None:
            parts.append(self._table(self._network))
        if self._events:
            parts.append(Panel("\n".join(self._events), title="chain", title_align="left"))
        return Group(*parts)

    def _curve(self) -> Text:
        text = Text()
        for label, column, style in (("T = 1 ", 1, "cyan"), ("greedy", 2, "green")):
            shares = [row[column].share for row in self._accuracies]  # type: ignore[union-attr]
            bars = "".join(BARS[min(7, int(share * 8))] for share in shares)
            text.append(f"{label} {bars} {self._accuracies[-1][column]}\n", style=style)
        text.rstrip()
        return text

    def _table(self, network: LocalNetwork) -> Table:
        table = Table(expand=True)
        for column in ("neuron", "role", "stake", "verified tokens", "log₁₀ evidence", "earned", "status"):
            table.add_column(column, justify="left" if column in ("neuron", "role", "status") else "right")
        latest = {entry["name"]: entry for entry in network.run_log.of("neuron")[-len(network.parts) :]}
        verdicts = network.journal.verdicts()
        for part in network.parts:
            entry = latest.get(part.name)
            own = [row for row in verdicts if row.miner == part.signer.name.lower()]
            verified = {row.window: row.tokens for row in own if row.outcome == "accept"}
            evidence = max((row.log10_evidence for row in own), default=0.0)
            stake = int(entry["stake_wei"]) if entry else STAKES[part.role]
            earned = stake + int(entry["balance_wei"]) - STAKES[part.role] - POCKET if entry else 0
            jailed = bool(entry and entry["jailed"])
            table.add_row(
                part.name,
                part.role.name.lower(),
                f"{stake / GRAIL:,.0f}",
                f"{sum(verified.values()):,}" if part.role is Role.MINER else "",
                f"{evidence:.1f}" if part.role is Role.MINER else "",
                f"{earned / GRAIL:+,.1f}",
                "[red]jailed[/red]" if jailed else "[green]active[/green]",
            )
        return table


def describe(event: EventRow, parts: list[Part]) -> str:
    """One chain event in words."""
    names = {part.signer.name.lower(): part.name for part in parts}
    fields = []
    for name, value in event.fields.items():
        if isinstance(value, dict | list):
            continue
        shown = names.get(value, value) if isinstance(value, str) else value
        if isinstance(shown, str) and shown.startswith("0x"):
            shown = f"{shown[:10]}…"
        elif name in ("stake", "amount", "slashed", "total", "burnt"):
            shown = f"{int(shown) / GRAIL:,.1f}"
        fields.append(f"{name} {shown}")
    return f"[dim]{event.block:>6}[/dim] {event.name}: {', '.join(fields)}"
