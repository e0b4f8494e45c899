"""A data set on disk: rows.parquet, pairs.parquet where there are pairs, manifest.json, and a card for people."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from grail.datasets.rows import ARRAYS, LISTS, NUMBERS, TEXTS, Row
from grail.errors import BadInput, Unavailable
from grail.foreign.files import read_object

FORMAT = "grail-data/2"
ROWS, PAIRS, MANIFEST, CARD = "rows.parquet", "pairs.parquet", "manifest.json", "README.md"
BATCH = 2_048
SHAPE = {
    "rows": int, "pairs": int, "root": str, "files": dict, "chain_id": int, "ledger": str, "beacons": dict,
    "checkpoints": dict,
}  # fmt: skip
"""What a manifest has at least."""
_DIGEST = re.compile(r"0x[0-9a-f]{64}")
PIECE = 1 << 20


def arrow() -> Any:
    """pyarrow. Raises Unavailable where it is not installed."""
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise Unavailable("parquet needs pyarrow: pip install 'grail-network[data]'") from error
    return pyarrow


def schema() -> Any:
    """Of rows.parquet."""
    pa = arrow()
    kinds = {
        "ids": pa.list_(pa.int32()), "roles": pa.list_(pa.int8()), "logprobs": pa.list_(pa.float16()),
        "path": pa.list_(pa.string()), "audited_by": pa.list_(pa.string()),
        "messages": pa.list_(pa.string()),
    }  # fmt: skip
    columns = [(name, pa.int64()) for name in NUMBERS] + [(name, pa.string()) for name in TEXTS]
    return pa.schema(columns + [(name, kinds[name]) for name in LISTS])


class RowFile:
    """Rows, written as they come. A file that is there is replaced once this one is whole."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ROWS
        self._part = folder / f"{ROWS}.part"
        self._schema = schema()
        self._writer = arrow().parquet.ParquetWriter(self._part, self._schema, compression="zstd")
        self._waiting: list[Row] = []

    def add(self, row: Row) -> None:
        """One more."""
        self._waiting.append(row)
        if len(self._waiting) >= BATCH:
            self._flush()

    def close(self) -> None:
        """All of them are on disk."""
        self._flush()
        self._writer.close()
        self._part.replace(self._path)

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(arrow().Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()


def read_rows(folder: Path) -> Iterator[Row]:
    """Rows of a data set, a batch at a time. Raises BadInput for a file that is none."""
    pa = arrow()
    try:
        file = pa.parquet.ParquetFile(folder / ROWS, page_checksum_verification=True)
        if file.schema_arrow.remove_metadata() != schema():
            raise BadInput(f"expected {folder / ROWS} to have the columns of {FORMAT}, got others")
        for batch in file.iter_batches(BATCH):
            yield from _rows_in(batch)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"expected a parquet file of {FORMAT} at {folder / ROWS}, got: {error}") from error


def _rows_in(batch: Any) -> Iterator[Row]:
    """Rows of a batch; lists of numbers as arrays."""
    columns = {}
    for name in batch.schema.names:
        column = batch.column(name)
        if name in ARRAYS:
            values, ends = column.values.to_numpy(zero_copy_only=False), column.offsets.to_numpy()
            columns[name] = [values[first:last] for first, last in pairwise(ends.tolist())]
        else:
            columns[name] = column.to_pylist()
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def write_pairs(folder: Path, pairs: Sequence[Mapping[str, Any]]) -> None:
    """prompt, chosen, rejected as trainers read them, with the leaves of the rows that they are."""
    pa = arrow()
    names = ("prompt", "chosen", "rejected", "chosen_leaf", "rejected_leaf")
    columns = pa.schema([*((name, pa.string()) for name in names), ("margin_micro", pa.int64())])
    pa.parquet.write_table(pa.Table.from_pylist(list(pairs), schema=columns), folder / PAIRS, compression="zstd")


def read_pairs(folder: Path) -> list[dict[str, Any]]:
    """Pairs of a data set; none where it has no file of them. Raises BadInput."""
    pa = arrow()
    if not (folder / PAIRS).exists():
        return []
    try:
        return list(pa.parquet.read_table(folder / PAIRS).to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"expected a parquet file at {folder / PAIRS}, got: {error}") from error


def digest_of_file(path: Path) -> str:
    """keccak-256 of a file's bytes, as 0x-hex."""
    from sha3 import keccak_256

    found = keccak_256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return "0x" + found.hexdigest()


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """What the rows are, and by which rules they were chosen."""
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises SettingsError where there is none, BadInput where it is another format's."""
    found = read_object(folder / MANIFEST, "a data set's manifest", "grail data export makes one")
    if found.get("format") != FORMAT:
        raise BadInput(f"expected a manifest of {FORMAT} in {folder}, got {str(found.get('format'))[:40]!r}")
    for name, kind in SHAPE.items():
        if type(found.get(name)) is not kind:
            raise BadInput(f"expected {name} in the manifest in {folder}: it is not whole")
    if not all(isinstance(b, str) and _DIGEST.fullmatch(b) for b in found["beacons"].values()):
        raise BadInput(f"expected beacons of 32 bytes in the manifest in {folder}")
    return found
