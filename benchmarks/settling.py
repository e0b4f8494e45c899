"""A whole window's reckoning at a size: real sortition, sheets, records, leaves and tree. A process of its own, so that
its memory can be told.

python -m benchmarks.settling MINERS VALIDATORS
"""

import json
import sys
import time

from grail.governance.policy import ETHER, Policy
from grail.protocol.committee import NOBODY, Committee, Place
from grail.protocol.hashing import keccak256
from grail.protocol.pledges import Past, Record
from grail.protocol.records import Commitment
from grail.protocol.units import CheckpointVersion, WindowId
from grail.settlement.leaves import PLACES, page_count
from grail.settlement.reckoning import Reckoning
from grail.settlement.sheets import PAGE, Entry, encode_sheet
from grail.telemetry.memory import peak_rss_mib

WINDOW = 9
COMMITMENT_BYTES = 4 + 7 * 32


def commitments_of(window: int, miners: int, groups: int) -> list[Commitment]:
    """Everybody's submission, in order."""
    return [
        Commitment(
            window=WindowId(window),
            miner=keccak256(b"miner" + number.to_bytes(4, "big"))[:20],
            root=bytes(32),
            blob_digest=bytes(32),
            n_groups=groups,
            checkpoint_version=CheckpointVersion(1),
            worth=1_000_000 + number,
        )
        for number in range(miners)
    ]


def settle(miners: int, validators: int) -> dict[str, float]:
    """Draw the seats, fill the sheets, reckon: what was measured. Stakes are equal; all say accept."""
    policy = Policy.defaults()
    holders = [keccak256(b"validator" + number.to_bytes(4, "big"))[:20] for number in range(validators)]
    line = [Place(holder, 10_000 * ETHER) for holder in holders] + [Place(NOBODY, 0)] * (PLACES - validators)
    submitted = commitments_of(WINDOW, miners, policy.max_groups)
    past = [commitments_of(WINDOW - n - 1, miners, policy.max_groups) for n in range(policy.reliability_windows)]
    records = {
        entry.miner: Record(entry.n_groups, [Past(entry.n_groups, before[i]) for before in past])
        for i, entry in enumerate(submitted)
    }
    began = time.perf_counter()
    committee = Committee(keccak256(b"challenge"), line, policy.audit_seats)
    seats = dict.fromkeys(holders, 0)
    pages: dict[bytes, list[list[Entry]]] = {holder: [[] for _ in range(page_count(miners))] for holder in holders}
    for index in range(miners):
        for holder in committee.holders(index):
            seats[holder] += 1
            pages[holder][index // PAGE].append(Entry.ACCEPT)
    drawn = time.perf_counter()
    sheets = {holder: encode_sheet(entries) for holder, entries in pages.items()}
    found = Reckoning(WINDOW, submitted, committee, sheets, frozenset(), records)
    terms = found.terms
    done = time.perf_counter()
    assert terms.due == terms.whole and terms.earned == policy.audit_seats * terms.whole
    return {
        "seats_all": sum(seats.values()),
        "seats_most": max(seats.values()),
        "draw_s": drawn - began,
        "settle_s": done - began,
        "rss_mib": peak_rss_mib(),
        "sheet_bytes": sum(map(len, sheets.values())),
        "commitment_bytes": COMMITMENT_BYTES * miners,
        "leaves": len(found.leaves),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(settle(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
