"""Consensus in Solidity and in Python, to the wei: medians, clipping, validator trust, shares, on random cases."""

import json
from pathlib import Path
from random import Random

import pytest
from eth_abi import decode, encode

from grail.protocol.hashing import keccak256
from grail.settlement.consensus import consensus
from grail.settlement.scores import ScoreSheet

pyrevm = pytest.importorskip("pyrevm")

ARTIFACT = Path(__file__).resolve().parents[1] / "vectors" / "contracts" / "ConsensusHarness.json"
CASE = "(uint256[],uint256[],uint256,uint256,uint256[],uint256[],uint256,uint256)"
BATCH, BATCHES = 100, 120
CALLER = "0x" + "11" * 20
EDGES = (0, 1, 2, 10**18, 10**27, 2**64 - 1)


@pytest.fixture(scope="module")
def harness():
    evm = pyrevm.EVM(gas_limit=2**60)
    evm.set_balance(CALLER, 10**30)
    bytecode = bytes.fromhex(json.loads(ARTIFACT.read_text())["bytecode"][2:])
    address = evm.deploy(CALLER, bytecode)
    selector = keccak256(f"run({CASE}[])".encode())[:4]

    def run(cases):
        out = evm.message_call(CALLER, address, calldata=selector + encode([f"{CASE}[]"], [cases]), gas=2**50)
        return decode(["uint256[3][]"], out)[0]

    return run


def number(draws: Random, most: int) -> int:
    """Small, edge and large values in turn: ties and overflows live at the edges."""
    kind = draws.randint(0, 3)
    if kind == 0:
        return min(most, EDGES[draws.randint(0, len(EDGES) - 1)])
    return draws.randint(0, 5 if kind == 1 else most)


def world(draws: Random) -> tuple[list[ScoreSheet], dict[bytes, int], int]:
    """Sheets of 1 to 7 validators over up to 6 miners, some abstaining; stakes; kappa."""
    miners = [bytes([i + 1]) * 20 for i in range(draws.randint(1, 6))]
    validators = [bytes([i + 101]) * 20 for i in range(draws.randint(1, 7))]
    sheets = [
        ScoreSheet(0, v, {m: number(draws, 2**64 - 1) for m in miners if draws.randint(0, 9) > 1}) for v in validators
    ]
    return sheets, {v: number(draws, 10**27) for v in validators}, draws.randint(5_000, 6_700)


def test_twelve_thousand_random_cases_agree_to_the_wei(harness):
    compared = 0
    for batch in range(BATCHES):
        cases, expected = [], []
        draws = Random(batch)
        while len(cases) < BATCH:
            sheets, stakes, kappa = world(draws)
            outcome = consensus(sheets, stakes, kappa)
            counted = sum(stakes.values())
            for miner, settled in outcome.scores.items():
                scoring = [sheet for sheet in sheets if miner in sheet.scores]
                order = sorted(outcome.scores)
                first = scoring[0]
                emission, split = number(draws, 10**24), draws.randint(0, 10_000)
                cases.append(
                    (
                        [stakes[s.validator] for s in scoring],
                        [s.scores[miner] for s in scoring],
                        counted,
                        kappa,
                        [first.scores.get(m, 0) for m in order],
                        [outcome.scores[m] for m in order],
                        emission,
                        split,
                    )
                )
                weight = outcome.weights[first.validator]
                share = (emission * split // 10_000) * weight // counted if counted else 0
                expected.append((settled, weight, share))
        assert list(harness(cases)) == expected
        compared += len(cases)
    assert compared >= 12_000
