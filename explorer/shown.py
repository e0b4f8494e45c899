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
