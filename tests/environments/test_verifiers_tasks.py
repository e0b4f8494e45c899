"""A real package of the verifiers ecosystem, made here, mandated and graded without being trusted."""

import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

try:
    version("verifiers")
except PackageNotFoundError:
    pytest.skip("NOTICE: verifiers is missing: tests of its environments are SKIPPED", allow_module_level=True)

from grail.environments.registry import Environments
from grail.environments.verifiers_tasks import VerifiersTasks
from grail.errors import SettingsError, Unavailable
from grail.protocol.hashing import keccak256
from grail.testing.environment import check_environment
from tests.sandbox_needed import NEEDS_SANDBOX

pytestmark = NEEDS_SANDBOX
SUMS = """
import verifiers.v1 as vf


class SumData(vf.TaskData):
    answer: str


class SumTask(vf.Task[SumData]):
    @vf.reward
    async def right(self, trace) -> float:
        if trace.last_reply.startswith("eval "):
            return float(eval(trace.last_reply[5:]))
        return float(trace.last_reply == self.data.answer)


class SumTaskset(vf.Taskset[SumTask]):
    def load(self):
        for a in range(30):
            for b in range(30):
                yield SumTask(
                    SumData(prompt=f"What is {a} + {b}?", answer=str(a + b), system_prompt="Answer with the number.")
                )


__all__ = ["SumTaskset"]
"""
BOXED = SUMS.replace(
    "class SumTask(vf.Task[SumData]):", "class SumTask(vf.Task[SumData]):\n    NEEDS_CONTAINER = True\n"
)
EMPTY = SUMS.replace("range(30)", "range(0)")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Installed environment packages: a module and its metadata each."""
    root = tmp_path_factory.mktemp("site")
    root.chmod(0o755)
    for name, text in (("sums_env", SUMS), ("boxed_env", BOXED), ("empty_env", EMPTY)):
        (root / f"{name}.py").write_text(text)
        about = root / f"{name}-1.2.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.2.0\n")
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


def test_a_taskset_is_an_environment(packages):
    environment = Environments.installed().by_id("verifiers:sums-env@1.2.0?tasks=800")
    check_environment(environment)
    problem = environment.problem(keccak256(b"key"))
    assert problem.prompt.startswith("Answer with the number.\n\nWhat is ")
    assert environment.grade(problem, f" {problem.answer} ").reward_micro == 1_000_000
    assert environment.grade(problem, "no").reward_micro == 0


def test_rewards_that_evaluate_replies_harm_nobody(packages, tmp_path):
    environment = VerifiersTasks("verifiers:sums-env@1.2.0?tasks=800")
    problem = environment.problem(keccak256(b"key"))
    mark = tmp_path / "mark"
    for attack in (f"open({str(mark)!r}, 'w').write('x')", "__import__('os').kill(-1, 9)", "1 / 0", "[].pop()"):
        assert environment.grade(problem, "eval " + attack).reward_micro == 0
        assert not mark.exists()
    assert environment.grade(problem, problem.answer).reward_micro == 1_000_000, "the next answer must not suffer"


@pytest.mark.parametrize(
    "environment_id, kind, reason",
    [
        ("verifiers:sums-env", SettingsError, "TASKSET@VERSION"),
        ("verifiers:sums-env@1.2.0?tasks=many", SettingsError, "TASKSET@VERSION"),
        ("verifiers:sums-env@1.3.0", Unavailable, "expected sums-env 1.3.0, got 1.2.0"),
        ("verifiers:nobodys-env@1.0", Unavailable, "nobodys-env is not installed"),
    ],
)
def test_other_ids_are_refused(packages, environment_id, kind, reason):
    with pytest.raises(kind, match=reason):
        VerifiersTasks(environment_id)


def test_packages_that_the_sandbox_may_not_read_are_named(packages):
    packages.chmod(0o700)
    try:
        with pytest.raises(Unavailable, match=r"chmod o\+rX"):
            VerifiersTasks("verifiers:sums-env@1.2.0?tasks=7").problem(bytes(32))
    finally:
        packages.chmod(0o755)


@pytest.mark.parametrize("package, reason", [("boxed-env", "no container"), ("empty-env", "no tasks")])
def test_tasksets_that_cannot_be_mandated_say_why(packages, package, reason):
    with pytest.raises(Unavailable, match=reason):
        VerifiersTasks(f"verifiers:{package}@1.2.0").problem(bytes(32))
