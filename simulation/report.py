"""report.md, accuracy.png, earnings.png of a run. Everything but the last section follows from the seed."""

from pathlib import Path
from typing import Any

from simulation.cast import DELEGATED, GRAIL, POCKET, STAKES
from simulation.network import LocalNetwork
from simulation.results import RunResult

MACHINE_SECTION = "## This machine"
"""What stands below may differ from run to run; what stands above may not."""


def write_report(network: LocalNetwork, result: RunResult, machine: dict[str, float]) -> Path:
    """Write all three files into the run folder; returns the report's path."""
    folder = network.folder
    _plot_accuracy(network, folder / "accuracy.png")
    _plot_earnings(network, folder / "earnings.png")
    path = folder / "report.md"
    path.write_text("\n".join([*_head(network, result), *_neurons(network), *_windows(network), *_machine(machine)]))
    return path


def _head(network: LocalNetwork, result: RunResult) -> list[str]:
    options = network.options
    caught = [c for c in result.cheats if c.slashed_window is not None and c.first_offence_window is not None]
    slowest = max((c.slashed_window - c.first_offence_window for c in caught), default=0)  # type: ignore[operator]
    return [
        f"# Local network, seed {options.seed}: {result.windows} windows",
        "",
        (
            f"{options.miners} honest miners, {options.cheats} cheats, {options.validators} honest validators, "
            f"{len(options.lazy)} lazy, 1 trainer; "
            f"model {options.model}, environment {' and '.join((options.environment, *options.mix))}, "
            f"{options.groups} groups a miner and window."
        ),
        "",
        "| bar | wanted | found |",
        "| --- | --- | --- |",
        f"| held-out accuracy, T = 1, start | at most 20 % | {result.accuracy_start} |",
        f"| held-out accuracy, T = 1, end | at least 60 % | {result.accuracy_end} |",
        f"| held-out accuracy, greedy, start | at most 40 % | {result.accuracy_start_greedy} |",
        f"| held-out accuracy, greedy, end | at least 60 % | {result.accuracy_end_greedy} |",
        (
            f"| cheats slashed and jailed | all, within 3 windows | {len(caught)} of {len(result.cheats)}, "
            f"at most {slowest} windows after the first offence |"
        ),
        (
            f"| lazy validators slashed | all | "
            f"{sum(v.slashed_window is not None for v in result.lazy_validators)} of {len(result.lazy_validators)} |"
        ),
        f"| honest neurons slashed | none | {', '.join(result.honest_slashed) or 'none'} |",
        f"| honest neurons rejected | none | {', '.join(result.honest_rejected) or 'none'} |",
        (
            f"| money reconciles, every window | to the wei | {'yes' if result.reconciled else 'NO'}: supply "
            f"{result.supply_wei} wei, accounted {result.accounted_wei} wei |"
        ),
        "",
        "Intervals are 95 % Wilson intervals on problems that no window mandates and the base never saw.",
        "",
        "![accuracy](accuracy.png)",
        "",
        "![earnings](earnings.png)",
        "",
        *_attackers(result),
        *_lazy(result),
        "## Cheats",
        "",
        "| cheat | first offence in window | slashed in window | slashed |",
        "| --- | --- | --- | --- |",
        *(
            f"| {c.name} | {_dash(c.first_offence_window)} | {_dash(c.slashed_window)} | {_grail(c.slashed_wei)} |"
            for c in result.cheats
        ),
        "",
    ]


def _attackers(result: RunResult) -> list[str]:
    """Liars about money: what they did, and what it came to over all their accounts."""
    if not result.attackers:
        return []
    return [
        "## Attackers",
        "",
        "| attacker | transactions | lost | profit, all accounts together |",
        "| --- | --- | --- | --- |",
        *(f"| {a.name} | {len(a.acts)} | {_grail(a.lost_wei)} | {_grail(a.profit_wei)} |" for a in result.attackers),
        "",
    ]


def _lazy(result: RunResult) -> list[str]:
    """Validators that accepted what they had not read."""
    if not result.lazy_validators:
        return []
    return [
        "## Lazy validators",
        "",
        "| validator | slashed in window |",
        "| --- | --- |",
        *(f"| {v.name} | {_dash(v.slashed_window)} |" for v in result.lazy_validators),
        "",
    ]


def _neurons(network: LocalNetwork) -> list[str]:
    rows = [
        "## Neurons at the end",
        "",
        "| neuron | role | own stake | balance | earned | status |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    last = network.next_window - 1
    for entry in network.run_log.of("neuron"):
        if entry["window"] == last:
            part = next(p for p in network.parts if p.name == entry["name"])
            status = "jailed" if entry["jailed"] else "active"
            rows.append(
                f"| {entry['name']} | {entry['role']} | {_grail(int(entry['stake_wei']))} | "
                f"{_grail(int(entry['balance_wei']))} | {_grail(_earned(entry, STAKES[part.role]))} | {status} |"
            )
    delegated = (
        f"A delegator put {_grail(DELEGATED)} on {network.parts[0].name} and has its share of what that miner is paid."
    )
    return [*rows, "", delegated, ""]


def _windows(network: LocalNetwork) -> list[str]:
    rows = [
        "## Windows",
        "",
        "| window | next checkpoint | groups trained on | mean reward | paid | reconciled |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for entry in network.run_log.of("window"):
        update = entry["update"]
        rows.append(
            f"| {entry['window']} | v{entry['checkpoint']} | {update.get('used', 0)} of {update.get('groups', 0)} | "
            f"{update.get('reward', 0.0):.3f} | {_grail(int(entry['paid_wei']))} | "
            f"{'yes' if entry['reconciled'] else '; '.join(entry['problems'])} |"
        )
    return [*rows, ""]


def _machine(machine: dict[str, float]) -> list[str]:
    return [
        MACHINE_SECTION,
        "",
        "| bar | wanted | found |",
        "| --- | --- | --- |",
        f"| set-up from a fresh clone | under 300 s | {machine['setup_seconds']:.0f} s |",
        f"| this run | under 300 s | {machine['seconds']:.0f} s |",
        f"| peak memory | under 4,096 MiB | {machine['peak_rss_mib']:.0f} MiB |",
        "",
    ]


def _earned(entry: dict[str, Any], stake: int) -> int:
    """Gains and losses in wei against what the neuron started with."""
    return int(entry["stake_wei"]) + int(entry["balance_wei"]) - stake - POCKET


def _grail(wei: int) -> str:
    return f"{wei / GRAIL:,.1f}"


def _dash(value: int | None) -> str:
    return "–" if value is None else str(value)


def _plot_accuracy(network: LocalNetwork, path: Path) -> None:
    """Held-out accuracy over windows, with intervals."""
    from matplotlib.figure import Figure

    from grail.training.evaluation import Accuracy

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    entries = network.run_log.of("accuracy")
    for kind, label, colour in (("sampled", "T = 1", "tab:blue"), ("greedy", "greedy", "tab:green")):
        found = [Accuracy(entry[kind]["right"], entry[kind]["count"]) for entry in entries]
        windows = [entry["window"] + 1 for entry in entries]
        axes.plot(windows, [a.share for a in found], marker="o", markersize=3, label=label, color=colour)
        axes.fill_between(
            windows, [a.interval[0] for a in found], [a.interval[1] for a in found], alpha=0.2, color=colour
        )
    axes.set(xlabel="windows trained on", ylabel="held-out accuracy", ylim=(0, 1), title="Accuracy with 95 % intervals")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def _plot_earnings(network: LocalNetwork, path: Path) -> None:
    """Gain or loss of every neuron over windows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    styles = {"miner": "-", "validator": "--", "trainer": "-."}
    for part in network.parts:
        entries = [entry for entry in network.run_log.of("neuron") if entry["name"] == part.name]
        earned = [_earned(entry, STAKES[part.role]) / GRAIL for entry in entries]
        style = ":" if part.cheat else styles[part.role.name.lower()]
        axes.plot([entry["window"] + 1 for entry in entries], earned, style, label=part.name, linewidth=2)
    for liar in network.liars:
        entries = [entry for entry in network.run_log.of("attacker") if entry["name"] == liar.name]
        profit = [int(entry["profit_wei"]) / GRAIL for entry in entries]
        axes.plot([entry["window"] + 1 for entry in entries], profit, "x:", label=liar.name, linewidth=1, markersize=3)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(
        xlabel="windows", ylabel="GRAIL earned or lost", title="Earnings: honest work pays, cheats lose their stake"
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=7)
    figure.savefig(path, dpi=120)
