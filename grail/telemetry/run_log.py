"""events.jsonl: the story of a run, one JSON object a line, for reports and dashboards."""

import json
from pathlib import Path
from typing import Any

from grail.errors import StorageError


class RunLog:
    """Appends entries to a file and keeps them in memory. Every entry has `kind` and `window`."""

    def __init__(self, path: Path | None = None) -> None:
        """Continues an existing file."""
        self._path = path
        self.entries: list[dict[str, Any]] = []
        if path is not None and path.exists():
            self.entries = [json.loads(line) for line in path.read_text().splitlines()]

    def add(self, kind: str, window: int, **fields: Any) -> None:
        """Append one entry."""
        entry = {"kind": kind, "window": window, **fields}
        self.entries.append(entry)
        if self._path is not None:
            try:
                with self._path.open("a") as file:
                    file.write(json.dumps(entry, sort_keys=True) + "\n")
            except OSError as error:
                raise StorageError(f"could not write {self._path} ({error.strerror}): free disk space") from error

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All entries of one kind, in order."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def forget_from(self, window: int) -> None:
        """Drop the entries of windows >= `window`, in memory and on disk."""
        self.entries = [entry for entry in self.entries if entry["window"] < window]
        if self._path is not None:
            part = self._path.with_suffix(".part")
            part.write_text("".join(json.dumps(entry, sort_keys=True) + "\n" for entry in self.entries))
            part.replace(self._path)
