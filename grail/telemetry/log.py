"""Structured log: one line an event, bound to role and window. INFO tells a human what happened."""

import logging
import sys
from typing import Any

import structlog


class _StandardError:
    """Where lines go: to standard error as it is when they are written, not as it was when logging began."""

    def msg(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)  # noqa: T201 — this is the log

    debug = info = warning = error = critical = msg


def configure(*, verbose: bool = False, as_json: bool = False, quiet: bool = False) -> None:
    """Log to standard error: for people, or one JSON object a line."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    render: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_name: _StandardError(),
        cache_logger_on_first_use=False,
    )


def get_logger(**bound: Any) -> Any:
    """A logger with fields bound to every line."""
    return structlog.get_logger(**bound)
