"""Reports of validators and trainers: fetched by the digests that the chain names, kept as claims of whoever says so.

Beside the index, not in it: what can be fetched depends on who still delivers it. Asks strangers' servers, so it runs
where nothing waits for it.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, or_, select

from explorer.index.writer import held_now
from grail.checkpoints.files import TRAINING_REPORT
from grail.checkpoints.manifest import MAX_MANIFEST_BYTES, parse_manifest
from grail.errors import BadCheckpoint, BadInput, ObjectMissing, ObjectTooLarge, StorageError
from grail.protocol.reports import MAX_TRAINING_BYTES, AuditReport, TrainingReport, audit_report, report_bytes
from grail.protocol.units import Digest, WindowId
from grail.runtime.objects import urls_in
from grail.storage import chain_tables as t
from grail.storage.base import ObjectStore
from grail.storage.database import Database
from grail.storage.relays import RelayReader

READ, MISSING, ODD, NONE = "read", "missing", "odd", "none"
TRIES = 8
"""Of a report that nobody delivers; the pauses between them grow to hours."""
FIRST_PAUSE = 15
A_STEP = 64


class Reports:
    """What is known of reports, and what is still to be asked for."""

    def __init__(
        self, database: Database, own: ObjectStore, *, private: bool, clock: Callable[[], float] = time.time
    ) -> None:
        """`own`: read before anybody is asked; nothing is put there. `private`: endpoints in private networks, too."""
        self._database = database
        self._own = own
        self._private = private
        self._clock = clock

    def step(self) -> int:
        """Ask for what is due, the newest first; returns how much that was. Raises StorageError of the database."""
        with self._database.reading() as connection:
            audits, updates = self._due_audits(connection), self._due_updates(connection)
            counts = _commitments(connection, {row.window for row in audits})
            endpoints = _endpoints(connection)
        silent: set[str] = set()
        for row in audits:
            found = self._audit(row, counts.get(row.window, 0), endpoints, silent)
            self._keep_audit(row, *found)
        for row in updates:
            self._keep_update(row, *self._update(row, endpoints, silent))
        return len(audits) + len(updates)

    def _due_audits(self, connection: Connection) -> list[Row[Any]]:
        sheets, known = t.SHEETS, t.AUDIT_REPORTS
        joined = and_(known.c.window == sheets.c.window, known.c.validator == sheets.c.validator)
        columns = [sheets.c.window, sheets.c.validator, sheets.c.report, known.c.digest, known.c.tries]
        query = select(*columns).outerjoin(known, joined).where(self._is_due(known, known.c.digest, sheets.c.report))
        return list(connection.execute(query.order_by(sheets.c.place.desc()).limit(A_STEP)))

    def _due_updates(self, connection: Connection) -> list[Row[Any]]:
        made, known = t.CHECKPOINTS, t.TRAINING_REPORTS
        columns = [made.c.version, made.c.publisher, made.c.manifest, known.c.manifest.label("digest"), known.c.tries]
        query = select(*columns).outerjoin(known, known.c.version == made.c.version)
        query = query.where(self._is_due(known, known.c.manifest, made.c.manifest))
        return list(connection.execute(query.order_by(made.c.place.desc()).limit(A_STEP)))

    def _is_due(self, known: Table, kept: Any, named: Any) -> Any:
        again = and_(known.c.state == MISSING, known.c.tries < TRIES, known.c.again_at <= int(self._clock()))
        return or_(kept.is_(None), kept != named, again)

    def _audit(
        self, row: Row[Any], miners: int, endpoints: dict[str, str], silent: set[str]
    ) -> tuple[str, AuditReport | None]:
        validator = bytes.fromhex(row.validator[2:])
        try:
            data = self._get(row.validator, row.report, report_bytes(miners), endpoints, silent)
            return READ, audit_report(data, WindowId(row.window), validator, miners)
        except (BadInput, ObjectTooLarge):
            return ODD, None
        except StorageError:
            return MISSING, None

    def _update(self, row: Row[Any], endpoints: dict[str, str], silent: set[str]) -> tuple[str, TrainingReport | None]:
        who = row.publisher
        try:
            manifest = parse_manifest(self._get(who, row.manifest, MAX_MANIFEST_BYTES, endpoints, silent))
            entry = manifest.files.get(TRAINING_REPORT)
            if entry is None:
                return NONE, None
            data = self._get(who, "0x" + entry.digest, MAX_TRAINING_BYTES, endpoints, silent)
            return READ, TrainingReport.decode(data, MAX_TRAINING_BYTES)
        except (BadInput, BadCheckpoint, ObjectTooLarge):
            return ODD, None
        except StorageError:
            return MISSING, None

    def _get(self, owner: str, digest: str, most: int, endpoints: dict[str, str], silent: set[str]) -> bytes:
        """One object; of an owner whose servers fail nothing more in this step."""
        named: Digest = bytes.fromhex(digest[2:])
        try:
            return self._own.get(named, most)
        except ObjectMissing:
            urls = urls_in(endpoints.get(owner, ""))
            if not urls or owner in silent:
                raise
        try:
            return RelayReader(urls, public=not self._private).get(named, most)
        except ObjectMissing:
            raise
        except StorageError:
            silent.add(owner)
            raise

    def _keep_audit(self, row: Row[Any], state: str, report: AuditReport | None) -> None:
        known, claims, key = t.AUDIT_REPORTS, t.AUDIT_CLAIMS, {"window": row.window, "validator": row.validator}
        with self._database.writing() as connection:
            for table in (known, claims):
                where = [table.c.window == row.window, table.c.validator == row.validator]
                connection.execute(delete(table).where(*where))
            connection.execute(insert(known).values(**key, digest=row.report, **self._fetched(row, row.report, state)))
            rows = [{**key, **said} for said in _claims(report)]
            if rows:
                connection.execute(insert(claims), rows)

    def _keep_update(self, row: Row[Any], state: str, report: TrainingReport | None) -> None:
        known, said = t.TRAINING_REPORTS, report.model_dump(mode="json") if report else {}
        with self._database.writing() as connection:
            connection.execute(delete(known).where(known.c.version == row.version))
            values = self._fetched(row, row.manifest, state)
            connection.execute(insert(known).values(version=row.version, manifest=row.manifest, said=said, **values))

    def _fetched(self, row: Row[Any], named: str, state: str) -> dict[str, Any]:
        tries = 1 + (row.tries or 0 if row.digest == named else 0)
        return {"state": state, "tries": tries, "again_at": int(self._clock()) + FIRST_PAUSE * 4**tries}


def _claims(report: AuditReport | None) -> Iterator[dict[str, Any]]:
    for miner, said in report.verdicts.items() if report else ():
        yield {
            "miner": miner, "outcome": said.outcome, "check": said.check, "reason": said.reason.replace("\0", "\ufffd"),
            "evidence": said.evidence, "place": list(said.place or ()), "rollouts": said.rollouts,
            "tokens": said.tokens, "proven": said.proof is not None,
        }  # fmt: skip


def _commitments(connection: Connection, windows: set[int]) -> dict[int, int]:
    table = t.COMMITMENTS
    counted = select(table.c.window, func.count()).where(table.c.window.in_(windows)).group_by(table.c.window)
    return {row[0]: row[1] for row in connection.execute(counted)}


def _endpoints(connection: Connection) -> dict[str, str]:
    found = connection.execute(select(t.NEURONS.c.neuron, t.NEURONS.c.endpoint).where(held_now(t.NEURONS)))
    return {row.neuron: row.endpoint for row in found}
