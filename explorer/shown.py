"""How values look on a page. All text of strangers goes through `text`."""

import unicodedata
from datetime import UTC, datetime

from markupsafe import Markup, escape

from explorer.views.base import Look
from grail.governance.policy import ETHER

LONGEST = 4_000
PLACES = 2


def grail(wei: int | None) -> Markup:
    """An amount to two places, the exact one in its title."""
    if wei is None:
        return Markup('<span class="none">–</span>')
    hundredths = wei * 10**PLACES // ETHER
    shown = f"{hundredths // 100:,}.{hundredths % 100:02d}" if wei == 0 or hundredths else "&lt; 0.01"
    return Markup(f'<data class="amount" value="{wei}" title="{wei:,} wei">{shown}</data>')


def percent(part: float | None) -> Markup:
    """A part as per cent, with its sign."""
    return Markup('<span class="none">–</span>') if part is None else Markup(f"{100 * part:+.2f} %")


def when(seconds: int | None) -> Markup:
    """A time that the page's script turns into the reader's own."""
    if seconds is None:
        return Markup('<span class="none">–</span>')
    moment = datetime.fromtimestamp(seconds, UTC)
    return Markup(f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M:%S} UTC</time>')


def text(value: str, longest: int = LONGEST) -> str:
    """A stranger's text: control, format and unassigned characters are shown by their number, never obeyed."""
    cut = value[:longest]
    shown = "".join(c if c in "\n\t" or unicodedata.category(c)[0] != "C" else f"⟨{ord(c):04X}⟩" for c in cut)
    return shown + (f"… ({len(value):,} characters)" if len(value) > longest else "")


def short(digest: str | None) -> Markup:
    """A hash cut short, whole in its title; the script lets it be copied."""
    if not digest:
        return Markup('<span class="none">–</span>')
    whole = escape(text(digest, 80))
    return Markup(f'<code class="hash" title="{whole}">{escape(text(digest, 80)[:10])}…</code>')


class Names:
    """Accounts as links, by the names that the index knows."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def __call__(self, address: str) -> Markup:
        """A link to an account's page."""
        kind = "neurons" if address in self._look.neurons else "accounts"
        name = escape(text(self._look.name(address), 60))
        where = escape(text(address, 42))
        return Markup(f'<a class="account" href="/{kind}/{where}" title="{where}">{name}</a>')


def bars(values: list[tuple[str, int]], height: int = 72, width: int = 12) -> Markup:
    """Bars as SVG, one a value, each with its words as title. A table beside it has the numbers."""
    top = max((value for _, value in values), default=0) or 1
    drawn = []
    for place, (label, value) in enumerate(values):
        tall = max(1 if value else 0, round(height * value / top))
        drawn.append(
            f'<rect x="{place * width + 1}" y="{height - tall}" width="{width - 2}" height="{tall}">'
            f"<title>{escape(label)}</title></rect>"
        )
    whole = max(1, len(values)) * width
    return Markup(
        f'<svg class="bars" width="{2 * whole}" viewBox="0 0 {whole} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{len(values)} bars; the table has their numbers">{"".join(drawn)}</svg>'
    )


def curve(points: list[dict[str, float]], words: str, height: int = 96, width: int = 320) -> Markup:
    """A line through `value` as SVG, one point a version, with a band from `low` to `high`."""
    low, high = min(point["low"] for point in points), max(point["high"] for point in points)
    first, last = points[0]["version"], points[-1]["version"]

    def at(version: float, value: float) -> str:
        x = 4 + (width - 8) * (version - first) / ((last - first) or 1)
        return f"{x:.1f},{height - 4 - (height - 8) * (value - low) / ((high - low) or 1):.1f}"

    line = " ".join(at(point["version"], point["value"]) for point in points)
    edge = [at(point["version"], point["high"]) for point in points]
    edge += [at(point["version"], point["low"]) for point in reversed(points)]
    return Markup(
        f'<svg class="curve" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)} over '
        f'{len(points)} versions, from {points[0]["value"]:.4g} to {points[-1]["value"]:.4g}">'
        f'<polygon points="{" ".join(edge)}"/><polyline points="{line}"/></svg>'
    )
