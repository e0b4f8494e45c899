"""The published and shared vectors, computed by the Python side."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from grail.errors import BadInput
from grail.inference.sampling import cpu, key_tensor, mandated, reference
from grail.proofs.sketch import SketchPlan
from grail.protocol import keys
from grail.protocol.audit_proof import ProofName, decode_proof, encode_proof
from grail.protocol.gumbel import mandated_token, noise_words
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.merkle import MerkleTree, verify
from grail.protocol.philox import philox
from grail.protocol.reports import AuditReport, TrainingReport
from grail.protocol.schedule import Schedule
from tests.vector_files import cases, raw

ROOT = Path(__file__).resolve().parents[2]


def test_philox_gives_the_published_known_answers():
    for case in cases("philox"):
        assert [int(w) for w in philox(tuple(case["counter"]), tuple(case["key"]))] == case["words"]


def test_vector_files_are_what_the_code_gives():
    run = subprocess.run(
        [sys.executable, "scripts/make_vectors.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_keys():
    for case in cases("keys"):
        beacon = keys.beacon(case["chainId"], raw(case["ledger"]), case["window"], raw(case["blockHash"]))
        assert keys.seed(raw(case["blockHash"]), raw(case["randomness"])) == raw(case["seed"])
        problem = keys.problem_key(beacon, raw(case["miner"]), case["group"])
        rollout = keys.rollout_key(problem, raw(case["fingerprint"]), raw(case["rulesHash"]), case["index"])
        assert (beacon, problem, rollout) == tuple(raw(case[n]) for n in ("beacon", "problemKey", "rolloutKey"))


def test_proofs_of_audits():
    for case in cases("proof"):
        name = ProofName(case["window"], raw(case["validator"]), raw(case["miner"]))
        assert keys.proof_seed(raw(case["challenge"]), name.validator) == raw(case["seed"])
        shown = decode_proof(raw(case["proof"]), name, case["rows"], case["dim"])
        assert [len(sketch) for sketch in shown] == case["rows"]
        assert [float(number) for sketch in shown for number in sketch.reshape(-1)] == case["numbers"]
        assert encode_proof(name, shown) == raw(case["proof"])


def test_reports_have_one_way_to_be_written():
    for case in cases("reports"):
        kind = {"audit": AuditReport, "training": TrainingReport}[case["kind"]]
        data = case["report"].encode()
        if case["valid"]:
            assert kind.decode(data, len(data)).encode() == data
        else:
            with pytest.raises(BadInput):
                kind.decode(data, len(data))


def test_gumbel_in_numpy_torch_and_the_kernel():
    for case in cases("gumbel"):
        key, ids = raw(case["key"]), np.array(case["ids"], dtype=np.int64)
        assert noise_words(key, case["step"], ids).tolist() == case["words"]
        keys, steps = key_tensor([key] * len(ids)), torch.full((len(ids),), case["step"])
        assert reference.noise_words(keys, steps, torch.from_numpy(ids)).tolist() == case["words"]
        for token, word in zip(case["ids"], case["words"], strict=True):
            block = np.empty((4, 1), dtype=np.uint32)
            cpu._words(token // 4, case["step"], *keys[0].tolist(), block)
            assert block[token % 4, 0] == word
        logits = np.array(case["logits"], dtype=np.float32)
        assert mandated_token(logits, key, case["step"], case["temperatureMilli"]) == case["token"]
        row = torch.from_numpy(logits)[None]
        for one in (mandated, reference.mandated):
            assert int(one(row, case["temperatureMilli"], keys[:1], steps[:1]).tokens) == case["token"]


def test_leaf():
    names = (
        "window miner checkpointVersion envId group index promptHash tokensHash logprobsHash proofHash nTokens finish"
    )
    for case in cases("leaf"):
        fields = [raw(v) if isinstance(v := case[n], str) else v for n in [*names.split(), "rewardMicro"]]
        assert RolloutLeaf(*fields).digest() == raw(case["digest"])


def test_merkle():
    for case in cases("merkle"):
        tree = MerkleTree([raw(leaf) for leaf in case["leaves"]])
        assert tree.root == raw(case["root"])
        assert verify(tree.root, raw(case["leaf"]), [raw(node) for node in case["path"]])


def test_sketch_matrix():
    for case in cases("sketch"):
        matrix = SketchPlan(raw(case["seed"]), case["dim"], 8).matrix(case["hiddenSize"])
        assert (matrix > 0).astype(int).reshape(-1).tolist() == case["positive"]
        assert np.allclose(np.abs(matrix), case["hiddenSize"] ** -0.5)


def test_schedule():
    for case in cases("schedule"):
        genesis, window, commit, score, reveal = case["timing"]
        schedule = Schedule(genesis=genesis, window=window, commit=commit, score=score, reveal=reveal)
        number = schedule.window_of(case["block"])
        assert (number, schedule.start(number)) == (case["window"], case["start"])
        assert schedule.reveal_deadline(number) == case["revealDeadline"]
