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
from grail.protocol.chunks import CHUNK, chunk_path, chunk_root, is_chunk
from grail.protocol.gumbel import mandated_token, noise_words
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.merkle import MerkleTree, verify
from grail.protocol.philox import philox
from grail.protocol.reports import AuditReport, TrainingReport
from grail.protocol.schedule import Schedule
from grail.protocol.turns import NOTHING_OBSERVED, Bridge, observations_hash, transcript
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
        "window miner checkpointVersion envId group index promptHash tokensRoot logprobsRoot proofRoot nTokens finish "
        "rewardMicro turns observedTokens observationsHash"
    )
    for case in cases("leaf"):
        fields = [raw(v) if isinstance(v := case[n], str) else v for n in names.split()]
        assert RolloutLeaf(*fields).digest() == raw(case["digest"])


def test_chunks():
    for case in cases("chunks"):
        data = bytes(k % 251 for k in range(case["length"]))
        root, path, at = raw(case["root"]), [raw(node) for node in case["path"]], case["index"]
        chunk = data[CHUNK * at : CHUNK * (at + 1)]
        assert chunk_root(data) == root and chunk_path(data, at) == path
        assert is_chunk(root, len(data), at, chunk, path)
        for length, index, piece, way in (
            (len(data) + 1, at, chunk, path), (len(data), at + 1, chunk, path), (len(data), at, chunk + b"x", path),
            (len(data), at, chunk, [*path, bytes(32)]), (len(data), -1, chunk, path),
        ):  # fmt: skip
            assert not is_chunk(root, length, index, piece, way)
        assert not path or not is_chunk(root, len(data), at, chunk, path[:-1])


def test_turns():
    for case in cases("turns"):
        tokens = np.array(case["tokens"], np.int32)
        told = zip(case["after"], case["bridges"], strict=True)
        bridges = [Bridge(after, np.array(ids, np.int32)) for after, ids in told]
        ids, places = transcript(tokens, bridges)
        assert ids.tolist() == case["ids"] and places.tolist() == case["places"]
        assert (ids[places] == tokens).all()
        assert observations_hash(bridges) == raw(case["hash"])
        assert (case["bridges"] == []) == (observations_hash(bridges) == NOTHING_OBSERVED)


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
