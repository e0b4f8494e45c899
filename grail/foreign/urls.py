"""URLs as they may be shown: keys of providers stand in their paths, queries and user names."""

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """Scheme, host and port; … for everything else. Safe in logs, errors and bug reports."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "…"
    if not parts.scheme or not host:
        return "…"
    hidden = "" if parts.path in ("", "/") and not parts.query and parts.username is None else "/…"
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{hidden}"
