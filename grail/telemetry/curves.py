"""learning.png: what a trainer's updates measured, one panel a subject."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grail.errors import BadInput

Points = Mapping[str, Sequence[tuple[float, float]]]
"""Curve to (window, value)."""

PANELS: Mapping[str, tuple[str, ...]] = {
    "loss": ("loss",),
    "KL, nats a token: to the miners, to the reference": ("kl", "kl_reference"),
    "tokens clipped, share": ("clipped_low", "clipped_high"),
    "entropy, nats a token": ("entropy",),
    "gradient norm before clipping": ("gradient_norm",),
    "completion length, tokens": ("length",),
    "canaries: right over wrong, nats": ("canary_margin",),
    "staleness, versions": ("staleness",),
    "tokens read a second": ("tokens_per_second",),
}
TABLES = {"reward by environment": "rewards", "share of the batch by miner": "shares", "groups left out": "dropped"}
COLUMNS = 3
LABEL = 32
"""Characters that a legend has room for."""


def draw(updates: Sequence[tuple[int, Mapping[str, Any]]], accuracy: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Draw (window, update's note) pairs and held-out accuracy: label to (window, share, low, high).

    Raises BadInput where there is nothing to draw.
    """
    from matplotlib.figure import Figure

    if not updates:
        raise BadInput("no updates to draw: has a trainer learnt in this folder?")
    panels = {title: found for title, found in _panels(updates).items() if found}
    rows = -(-(len(panels) + bool(accuracy)) // COLUMNS)
    figure = Figure(figsize=(5 * COLUMNS, 3 * rows), layout="constrained")
    places = iter(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    if accuracy:
        _draw_accuracy(next(places), accuracy)
    for (title, curves), axes in zip(panels.items(), places, strict=False):
        for label, points in curves.items():
            axes.plot(*zip(*points, strict=True), marker=".", markersize=4, label=_short(label))
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        if len(curves) > 1 or title in TABLES:
            axes.legend(fontsize=7)
    for axes in places:
        axes.remove()
    figure.supxlabel("windows")
    figure.savefig(path, dpi=110)


def _short(label: str) -> str:
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


def _draw_accuracy(axes: Any, accuracy: Mapping[str, Sequence[Any]]) -> None:
    for label, points in accuracy.items():
        windows, shares, low, high = zip(*points, strict=True)
        axes.plot(windows, shares, marker="o", markersize=3, label=label)
        axes.fill_between(windows, low, high, alpha=0.2)
    axes.set_title("held-out accuracy, 95 % intervals", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)


def _panels(updates: Sequence[tuple[int, Mapping[str, Any]]]) -> dict[str, Points]:
    told = [(window, _with_rate(note)) for window, note in updates]
    found: dict[str, Points] = {}
    for title, table in TABLES.items():
        parts = sorted({part for _, note in told for part in note.get(table) or {}})
        found[title] = {
            part: [(w, float(note[table][part])) for w, note in told if part in (note.get(table) or {})]
            for part in parts
        }
    for title, names in PANELS.items():
        found[title] = {name: [(w, float(note[name])) for w, note in told if name in note] for name in names}
    return {title: {label: points for label, points in curves.items() if points} for title, curves in found.items()}


def _with_rate(note: Mapping[str, Any]) -> Mapping[str, Any]:
    seconds = note.get("seconds") or 0.0
    return {**note, "tokens_per_second": note["tokens"] / seconds} if seconds and note.get("tokens") else note
