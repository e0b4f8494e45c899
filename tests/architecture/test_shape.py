"""The shape of the code: budgets, one place for broad excepts, one reader of the environment, light imports, twins."""

import ast
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("grail", "miner", "validator", "trainer", "explorer", "gateway", "simulation", "neurons")
FILE_LINES, FUNCTION_LINES = 400, 60
BROAD_EXCEPTS = {
    "miner/duties/solve.py": "an engine that dies raises anything: it is named, and loaded anew",
    "validator/duties/auditing.py": "a verifier's own trouble becomes an abstention",
    "grail/chain/bittensor/client.py": "the SDK raises what its libraries raise: it becomes ChainUnavailable",
    "grail/inference/text.py": "tokenizers raises nothing narrower: it becomes BadCheckpoint",
}
TWINS = {
    "keys": "Keys.sol",
    "philox": "Philox.sol",
    "gumbel": "Philox.sol",
    "leaf": "Leaf.sol",
    "merkle": None,
    "schedule": "Schedule.sol",
    "sketch": None,
    "sheets": "Sheets.sol",
    "leaves": "Settlements.sol",
    "policy": "RewardPolicy.sol",
    "sum_tree": "SumTree.sol",
    "commitment": "Commitments.sol",
    "sortition": "Sortition.sol",
    "pledges": "Pledges.sol",
}
"""Name → contract that computes the same; None where OpenZeppelin or the test itself does."""


def sources() -> Iterator[tuple[str, str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            yield str(path.relative_to(ROOT)), text, ast.parse(text)


def test_files_and_functions_fit_a_screen():
    long = []
    for name, text, tree in sources():
        if text.count("\n") > FILE_LINES:
            long.append(f"{name}: {text.count(chr(10))} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{name}: {node.name} has {lines} lines")
    assert not long, long


def test_broad_excepts_where_they_have_a_reason_only():
    found = set()
    for name, _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                caught = "" if node.type is None else ast.unparse(node.type)
                if caught in ("", "Exception", "BaseException"):
                    found.add(name)
    assert found == set(BROAD_EXCEPTS)


def test_only_the_settings_touch_the_environment():
    readers = [name for name, text, _ in sources() if "os.environ" in text or "os.getenv" in text]
    assert readers == ["grail/config.py"]


def test_no_vague_names():
    vague = ("utils", "helpers", "misc", "common", "manager", "handler", "data", "info")
    assert [name for name, _, _ in sources() if Path(name).stem in vague] == []


def test_every_module_and_public_function_says_what_it_does():
    silent = []
    for name, _, tree in sources():
        if not ast.get_docstring(tree):
            silent.append(name)
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{name}: {node.name}")
    assert not silent, silent


@pytest.mark.parametrize(
    "module", ["grail", "grail.protocol.codec", "grail.chain.subnet", "neurons.cli", "grail.runtime.doctor"]
)
def test_importing_is_light(module):
    heavy = ("torch", "transformers", "eth_tester", "matplotlib")
    program = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("name", TWINS)
def test_twins_stand_in_every_place(name):
    python = [
        p
        for p in ("grail/protocol", "grail/settlement", "grail/governance", "grail/proofs")
        if (ROOT / p / f"{name}.py").exists()
    ]
    assert len(python) == 1
    contract = TWINS[name]
    if contract is not None:
        assert list((ROOT / "contracts/src").rglob(contract)), contract
    assert (ROOT / f"tests/vectors/{name}.json").exists()
    assert (ROOT / f"docs/spec/{name}.md").exists()
    assert f'load("{name}")' in (ROOT / "contracts/test/Vectors.t.sol").read_text()


def test_every_custom_error_has_words():
    from grail.chain.reverts import REMEDIES

    text = (ROOT / "contracts/src/libraries/Errors.sol").read_text()
    names = [line.split()[1].split("(")[0] for line in text.splitlines() if line.strip().startswith("error ")]
    used = "".join(p.read_text() for p in (ROOT / "contracts/src").glob("*.sol"))
    used += "".join(p.read_text() for p in (ROOT / "contracts/src/libraries").glob("*.sol") if p.name != "Errors.sol")
    assert len(names) > 40
    assert [n for n in names if f"Errors.{n}" not in used] == [], "declared and never used"
    assert [n for n in names if n not in REMEDIES] == [], "no remedy in grail/chain/reverts.py"


def test_every_known_bug_still_finds_its_place_in_the_contracts():
    known = _mutation()["known_bugs"]()
    assert len(known) >= 43 and len({mutant.name for mutant in known}) == len(known)
    for mutant in known:
        text = (ROOT / "contracts" / "src" / mutant.file).read_text()
        assert mutant.apply(text) != text


def test_bugs_can_be_seeded_in_every_guard_of_the_contracts():
    places = _mutation()["mutants_of"](ROOT / "contracts" / "src")
    assert len(places) > 800
    seeded = {(mutant.file, mutant.line) for mutant in places}
    for path in (ROOT / "contracts" / "src").rglob("*.sol"):
        file = path.relative_to(ROOT / "contracts" / "src").as_posix()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if " revert " in line and line.lstrip().startswith("if ("):
                assert (file, number) in seeded, f"{file}:{number}"
    one = next(mutant for mutant in places if mutant.name.endswith("guard left out"))
    assert "if (false && (" in one.apply((ROOT / "contracts" / "src" / one.file).read_text())


def test_every_test_that_the_documents_name_is_there():
    named = {name for path in (ROOT / "docs").rglob("*.md") for name in re.findall(r"`(test_\w+)`", path.read_text())}
    places = [*(ROOT / "contracts/test").rglob("*.sol"), *(ROOT / "tests").rglob("*.py")]
    there = {name for path in places for name in re.findall(r"(?:function|def) (test\w+)", path.read_text())}
    assert len(named) > 30 and named <= there, named - there


def _mutation() -> dict:
    return runpy.run_path(str(ROOT / "scripts" / "mutation.py"), run_name="mutation")
