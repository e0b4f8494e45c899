"""Real parts that many tests share: the shipped model, its engine, a small network that has played some windows."""

import os
from collections import Counter
from collections.abc import Iterator

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from importlib import resources
from pathlib import Path

import pytest
import structlog
import torch

from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.inference.base import RolloutRequest
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.telemetry import log
from tests.postgres import binaries, cluster


@pytest.fixture(autouse=True, scope="session")
def quiet_log():
    """Warnings of attacks on purpose are no news."""
    log.configure(quiet=True)
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True, scope="session")
def fair_threads():
    """Each worker has its share of the cores: two workers with two threads each on two cores mostly wait for each
    other, and take four times as long.
    """
    share = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    given, torch.set_num_threads = torch.set_num_threads, lambda count: given(min(count, share))
    torch.set_num_threads(share)
    yield
    torch.set_num_threads = given


@pytest.fixture(scope="session")
def tiny_folder() -> Path:
    return Path(str(resources.files("grail.assets").joinpath("tiny")))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Checkpoint:
    return open_checkpoint(tiny_folder)


@pytest.fixture(scope="session")
def codec(tiny: Checkpoint) -> TextCodec:
    return TextCodec(tiny)


@pytest.fixture(scope="session")
def engine(tiny: Checkpoint) -> TransformersEngine:
    return TransformersEngine(tiny)


@pytest.fixture(scope="session")
def plan() -> SketchPlan:
    return SketchPlan(keccak256(b"test plan"), 8, 2)


@pytest.fixture(scope="session")
def requests(codec: TextCodec) -> list[RolloutRequest]:
    """Prompts of different lengths, each with its own key."""
    prompts = ["1+2-3=", "12+34=", "49-10=", "9-9-9=", "40+41="] * 8
    return [RolloutRequest(codec.encode(p), keccak256(f"request/{i}".encode())) for i, p in enumerate(prompts)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A cluster's URL; without PostgreSQL here its tests are skipped, and the summary says so."""
    if binaries() is None:
        pytest.skip("PostgreSQL is missing: what runs on it is not tested (apt-get install postgresql)")
    with cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rows.sqlite'}"
    return fresh(request.getfixturevalue("postgres"))


def fresh(cluster_url: str) -> str:
    """A new, empty database of a cluster."""
    import psycopg

    name = f"grail_{os.urandom(6).hex()}"
    with psycopg.connect(f"{cluster_url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{cluster_url}/{name}"


def pytest_terminal_summary(terminalreporter):
    """One line that names what was skipped and why: a green suite must not hide it."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])
    )
    if reasons:
        named = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"SKIPPED {sum(reasons.values())} tests: {named}")
