"""OpenZeppelin's layout; foreign paths are bounded."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from grail.errors import BadInput
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.merkle import MAX_DEPTH, MerkleTree, verify

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


def test_every_leaf_proves_and_nothing_else_does():
    leaves = [keccak256(bytes([i])) for i in range(11)]
    tree = MerkleTree(leaves)
    for leaf in leaves:
        assert verify(tree.root, leaf, tree.path(leaf))
        assert not verify(tree.root, keccak256(leaf), tree.path(leaf))
    with pytest.raises(BadInput, match="leaf of this tree"):
        tree.path(keccak256(b"other"))


def test_empty_tree_and_endless_path():
    with pytest.raises(BadInput, match="at least one"):
        MerkleTree([])
    assert not verify(bytes(32), bytes(32), [bytes(32)] * (MAX_DEPTH + 1))


@pytest.mark.node
@pytest.mark.skipif(
    shutil.which("node") is None or not (CONTRACTS / "node_modules/@openzeppelin/merkle-tree").exists(),
    reason="NOTICE: needs Node and contracts/node_modules (make contracts)",
)
def test_roots_equal_those_of_openzeppelins_package():
    values = [(str(i), str(i * i)) for i in range(13)]
    script = (
        "const {StandardMerkleTree}=require('@openzeppelin/merkle-tree');"
        f"console.log(StandardMerkleTree.of({json.dumps(values)},['uint256','uint256']).root)"
    )
    theirs = subprocess.run(["node", "-e", script], cwd=CONTRACTS, capture_output=True, text=True, check=True).stdout
    leaves = [keccak256(keccak256(encode_static(int(a), int(b)))) for a, b in values]
    assert "0x" + MerkleTree(leaves).root.hex() == theirs.strip()
