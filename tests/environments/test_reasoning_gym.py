"""reasoning-gym's tasks as environments: conformant, parametrised, graded without running anybody's text."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("reasoning_gym", reason="NOTICE: no reasoning-gym: its tests are SKIPPED")

from grail.environments import pinned, reasoning_gym
from grail.environments.base import RIGHT, WRONG, Problem
from grail.environments.reasoning_gym import ONE_ANSWER, ReasoningGym, _tasks
from grail.environments.registry import Environments
from grail.errors import SettingsError, Unavailable
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import environment_digest
from grail.testing.environment import MOST_BLIND, blind_bound, check_environment
from tests.sandbox_needed import NEEDS_SANDBOX

CHAIN_SUM = "reasoning_gym:chain_sum?max_terms=3&max_digits=2"
KEY = keccak256(b"key")


@pytest.mark.parametrize("task", [CHAIN_SUM.partition(":")[2], "gcd", "caesar_cipher", "maze", "syllogism"])
def test_tasks_keep_the_rules_of_environments(task):
    check_environment(ReasoningGym(f"reasoning_gym:{task}"))


EARN_BLINDLY = ("coin_flip", "complex_arithmetic", "puzzle24")
GRADED_BY_THE_LIBRARY = ("countdown", "n_queens", "polynomial_equations", "power_function", "time_intervals")


@pytest.mark.parametrize("task", EARN_BLINDLY)
def test_what_a_fixed_answer_earns_on_is_refused_with_the_reason(task):
    with pytest.raises(SettingsError, match=f"{task} cannot be mandated: its grader takes"):
        ReasoningGym(f"reasoning_gym:{task}")


def blind(task: str) -> tuple[str, float]:
    environment = ReasoningGym(f"reasoning_gym:{task}")
    return blind_bound(environment, [environment.problem(keccak256(f"{task}{n}".encode())) for n in range(9)])


@NEEDS_SANDBOX
@pytest.mark.parametrize("task", GRADED_BY_THE_LIBRARY)
def test_no_fixed_answer_earns(task):
    """Cheap sibling of the next one."""
    assert blind(task)[1] <= MOST_BLIND


@NEEDS_SANDBOX
@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_no_fixed_answer_earns_anywhere_in_the_catalogue():
    found = {task: blind(task) for task in sorted(_tasks())}
    assert {task: worst for task, worst in found.items() if worst[1] > MOST_BLIND} == {}


@pytest.mark.parametrize("task", sorted(ONE_ANSWER))
def test_every_task_offered_gives_problems_with_a_text_answer(task):
    environment = ReasoningGym(f"reasoning_gym:{task}")
    problem = environment.problem(KEY)
    assert isinstance(problem.answer, str) and problem.answer
    assert problem == ReasoningGym(f"reasoning_gym:{task}").problem(KEY)


def test_solved_problems_before_the_asked_one():
    few, plain = ReasoningGym(f"{CHAIN_SUM}&shots=3"), ReasoningGym(CHAIN_SUM)
    check_environment(few)
    asked, bare = few.problem(KEY), plain.problem(KEY)
    *shown, last = asked.prompt.strip().split("\n\n")
    assert last == bare.prompt and asked.answer == bare.answer and len(shown) == 3
    for example in shown:
        question, answer = example.split("\n")
        terms = question.partition(": ")[2].removesuffix(" =").replace("- ", "+ -").split(" + ")
        assert bare.prompt != question and int(answer) == sum(map(int, terms))
    assert few.grade(asked, f"{asked.answer}\n\nState the final").reward_micro == RIGHT
    assert few.grade(asked, f"7{asked.answer}\n{asked.answer}").reward_micro == WRONG
    assert plain.grade(bare, f"{asked.answer}\nand more").reward_micro == WRONG, "only behind examples is a line all"


LENIENT = (
    "5.0", "5.", "The answer is 5", "**5**", "5 apples", "$5$", "\\boxed{5}", "x = 5", "<think>2+3</think>5",
    "I say 4, no, 5.", "the 3rd step gives 5",
)  # fmt: skip
STRICT = (
    "6", "5.001", "+5", "2+3", "10/2", "$10/2$", "$2+3$", "$\\frac{10}{2}$", "500%", "5e0", "5e3", "5x", "5!", "1e309",
    "{1,2,5}", "\\boxed{4}\\boxed{5}", "[1,9]", "five", "<think>5", "5, or 6", "nan", "9**9**9**9", "\uff15", "",
)  # fmt: skip


@NEEDS_SANDBOX
@pytest.mark.parametrize("reply", LENIENT + STRICT)
def test_a_number_counts_however_it_is_written(reply):
    """The table of docs/environments.md."""
    grade = ReasoningGym(f"{CHAIN_SUM}&reply=math").grade(Problem(prompt="2 + 3 =", answer="5", level="x 1"), reply)
    assert (grade.reward_micro == RIGHT) == (reply in LENIENT), grade.reason


@NEEDS_SANDBOX
@pytest.mark.parametrize("task", ["chain_sum", "gcd", "simple_equations", "decimal_chain_sum"])
def test_leniency_earns_nothing_blindly(task):
    check_environment(ReasoningGym(f"reasoning_gym:{task}?reply=math"))


def test_leniency_is_for_numbers():
    with pytest.raises(SettingsError, match="whose answers are numbers"):
        ReasoningGym("reasoning_gym:caesar_cipher?reply=math")
    with pytest.raises(SettingsError, match="1, 2 or math"):
        ReasoningGym(f"{CHAIN_SUM}&reply=true")


@pytest.mark.parametrize("shots", ["-1", "99", "many", "1.5"])
def test_a_number_of_examples_that_makes_no_sense_is_refused(shots):
    with pytest.raises(SettingsError, match="0 to 32 shots"):
        ReasoningGym(f"{CHAIN_SUM}&shots={shots}")


def test_problems_do_not_depend_on_how_strings_hash():
    """Six tasks of the library do; an honest miner would be accused over them."""
    program = (
        "from hashlib import sha256; from grail.environments.reasoning_gym import _entry, _tasks\n"
        "for task in sorted(_tasks() - {'arc_agi', 'rearc', 'futoshiki'}):\n"
        "    told = [repr((e['question'], e['answer'])) for e in (_entry(task, (), seed) for seed in range(6))]\n"
        "    print(task, sha256(repr(told).encode()).hexdigest())"
    )
    told = [
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True)
        for seed in ("1", "2")
    ]
    assert told[0].stdout == told[1].stdout


@NEEDS_SANDBOX
@pytest.mark.parametrize("task", sorted(_tasks() - ONE_ANSWER - {"arc_agi", "futoshiki"}))
def test_the_librarys_graders_know_their_own_answers(task):
    environment = ReasoningGym(f"reasoning_gym:{task}")
    problem = environment.problem(KEY)
    graded = environment._graded(int(problem.level.split()[-1]), problem.answer)
    assert graded.reward_micro == (1_000_000 if problem.answer else 0) and graded.certain
    assert environment.grade(problem, "zzz").reward_micro == 0


def test_parameters_shape_the_problems():
    prompts = [ReasoningGym(CHAIN_SUM).problem(keccak256(bytes([i]))).prompt for i in range(40)]
    assert max(prompt.count("+") + prompt.count("-") for prompt in prompts) == 2


def test_answers_count_bare_or_in_the_last_tags():
    environment = ReasoningGym(CHAIN_SUM)
    problem = environment.problem(KEY)
    for text in (problem.answer, f" {problem.answer}\n", f"<answer>7</answer> no: <answer> {problem.answer} </answer>"):
        assert environment.grade(problem, text).reward_micro == 1_000_000
    for text in ("", f"it is {problem.answer}", f"<answer>{problem.answer}</answer><answer>7</answer>", "9" * 100_000):
        assert environment.grade(problem, text).reward_micro == 0


@pytest.mark.parametrize(
    "environment_id, reason",
    [
        ("reasoning_gym:composite", "cannot be mandated"),
        ("reasoning_gym:word_ladder", "hashes strings"),
        ("reasoning_gym:", "expected a task of reasoning_gym"),
        ("reasoning_gym:chain_sum?max_terms=0", "refuses the parameters"),
        ("reasoning_gym:chain_sum?colour=red", "refuses the parameters"),
        ("reasoning_gym:chain_sum?size=9", "refuses the parameters"),
    ],
)
def test_other_tasks_and_parameters_are_refused(environment_id, reason):
    with pytest.raises(SettingsError, match=reason):
        Environments.installed().by_id(environment_id)


def test_a_mix_teaches_a_node_the_ids_of_families():
    environments = Environments.installed()
    with pytest.raises(SettingsError, match="not installed here"):
        environments.by_digest(environment_digest(CHAIN_SUM))
    environments.learn(["arithmetic/1", "somebodys/1", CHAIN_SUM])
    assert environments.by_digest(environment_digest(CHAIN_SUM)).id == CHAIN_SUM


@pytest.mark.parametrize("found", ["0.1.24", None])
def test_another_version_of_the_library_is_refused(found, monkeypatch):
    def version(_name):
        if found is None:
            raise pinned.PackageNotFoundError
        return found

    reasoning_gym._library.cache_clear()
    reasoning_gym._entry.cache_clear()
    monkeypatch.setattr(pinned, "version", version)
    with pytest.raises(Unavailable, match="envs"):
        ReasoningGym(CHAIN_SUM)


def test_the_table_of_answers_in_the_docs_is_what_is_graded():
    page = (Path(__file__).resolve().parents[2] / "docs/environments.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.split("| completion, the answer being 5 |")[1].splitlines()]
    rows = [row for row in rows if len(row) == 3 and "`" in row[0]]
    assert len(rows) == 5
    task = "reasoning_gym:gcd"
    for written, *expected in rows:
        for version, verdict in zip((1, 2), expected, strict=True):
            environment = ReasoningGym(f"{task}?reply={version}")
            problem = replace(environment.problem(b"\1" * 32), answer="5")
            for completion in re.findall(r"`([^`]*)`", written):
                grade = environment.grade(problem, completion)
                assert (grade.reward_micro > 0) == (verdict == "right"), (completion, version)


@pytest.mark.parametrize("reply", ["0", "3", "two", "1.0"])
def test_a_rule_for_replies_that_there_is_not_is_refused(reply):
    with pytest.raises(SettingsError, match="reply 1, 2 or math"):
        ReasoningGym(f"reasoning_gym:gcd?reply={reply}")
