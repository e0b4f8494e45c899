"""OpenEnv's messages, good and bad; and its own client, unmodified, from an environment of its own."""

import json
import os
import random
import subprocess
import sys
import venv
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner
from websockets.sync.client import connect

from benchmarks.relays import served
from gateway.openenv import MOST_BYTES, Session, environment_app, key_of
from grail.environments.arithmetic import Arithmetic
from grail.environments.bisect import Bisect
from grail.testing.solvers import solver_of
from neurons.cli import app

CLIENT = "openenv-core==0.3.0"
PLAY = """
import sys
from openenv.core.generic_client import GenericEnvClient
answers = dict(pair.split("=") for pair in sys.argv[2:])
with GenericEnvClient(base_url=sys.argv[1]).sync() as env:
    for seed, answer in answers.items():
        first = env.reset(seed=int(seed))
        assert not first.done and first.observation["seed"] == int(seed), first
        last = env.step({"completion": answer})
        assert last.done, last
        state = env.state()
        assert state["step_count"] == 1, state
        print(seed, last.reward)
"""


@pytest.fixture()
def url():
    with served(environment_app(Arithmetic(), sessions=2)) as url:
        yield url


def ask(socket, **message):
    socket.send(json.dumps(message))
    return json.loads(socket.recv())


def ws(url: str):
    return connect(url.replace("http", "ws") + "/ws")


def test_an_episode_is_a_problem_and_a_completion(url):
    problem = Arithmetic().problem(key_of(7))
    with ws(url) as socket:
        first = ask(socket, type="reset", data={"seed": 7})
        assert first["type"] == "observation" and first["data"]["observation"]["prompt"] == problem.prompt
        assert first["data"]["done"] is False and first["data"]["reward"] is None
        assert ask(socket, type="state")["data"] == {
            "episode_id": "arithmetic/1-7", "step_count": 0, "seed": 7, "environment": "arithmetic/1",
        }  # fmt: skip
        last = ask(socket, type="step", data={"completion": problem.answer})
        assert last["data"]["done"] is True and last["data"]["reward"] == 1.0
        assert problem.answer not in json.dumps(last["data"]["observation"]).replace(problem.prompt, "")
        wrong = (ask(socket, type="reset", data={"seed": 7}), ask(socket, type="step", data={"completion": "no"}))
        assert wrong[1]["data"]["reward"] == 0.0
        other = ask(socket, type="reset")["data"]["observation"]
        assert Arithmetic().problem(key_of(other["seed"])).prompt == other["prompt"]
        socket.send(json.dumps({"type": "close"}))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "step", "data": {"completion": "1"}}, "EXECUTION_ERROR"), ({"type": "what"}, "UNKNOWN_TYPE"),
        ({"type": "reset", "data": {"seed": -1}}, "VALIDATION_ERROR"), ([1], "UNKNOWN_TYPE"),
        ({"type": "reset", "data": {"seed": True}}, "VALIDATION_ERROR"), ({"type": ["reset"]}, "UNKNOWN_TYPE"),
        ({"type": "reset", "data": {"seed": 1 << 256}}, "VALIDATION_ERROR"),
        ({"type": "reset", "data": {"episode_id": "x" * 256}}, "VALIDATION_ERROR"),
        ({"type": "step"}, "VALIDATION_ERROR"), ({"type": "step", "data": "1"}, "VALIDATION_ERROR"),
        ("{", "INVALID_JSON"), ("[" * 5_000 + "]" * 5_000, "INVALID_JSON"), ("NaN", "INVALID_JSON"),
    ],
)  # fmt: skip
def test_nonsense_is_answered_and_ends_nothing(url, message, code):
    with ws(url) as socket:
        socket.send(message if isinstance(message, str) else json.dumps(message))
        said = json.loads(socket.recv())
        assert said["type"] == "error" and said["data"]["code"] == code and said["data"]["message"]
        assert ask(socket, type="reset", data={"seed": 1})["type"] == "observation"
        assert ask(socket, type="step", data={"completion": 5})["data"]["code"] == "VALIDATION_ERROR"
        assert ask(socket, type="step", data={"completion": "5"})["data"]["done"]


def test_no_more_sessions_than_there_is_room_for(url):
    with ws(url) as one, ws(url) as two:
        assert ask(one, type="reset")["type"] == ask(two, type="reset")["type"] == "observation"
        with ws(url) as three:
            assert json.loads(three.recv())["data"]["code"] == "CAPACITY_REACHED"
    with ws(url) as again:
        assert ask(again, type="reset")["type"] == "observation"


def test_it_says_what_it_is(url):
    assert httpx.get(f"{url}/health").json() == {"status": "healthy"}
    assert httpx.get(f"{url}/metadata").json()["name"] == "arithmetic/1"
    assert set(httpx.get(f"{url}/schema").json()) == {"action", "observation", "state"}


def test_a_world_that_answers_is_played_to_its_end():
    game = Bisect()
    problem, dice = game.problem(key_of(3)), random.Random(1)
    with served(environment_app(game, sessions=1)) as url, ws(url) as socket:
        ask(socket, type="reset", data={"seed": 3})
        solver, actions, said = solver_of(game, dice), [], []
        while True:
            actions.append(solver.act(problem.prompt, actions, said))
            told = ask(socket, type="step", data={"completion": actions[-1]})["data"]
            if told["done"]:
                break
            assert told["reward"] is None
            said.append(told["observation"]["said"])
        assert (told["reward"], actions[-1]) == (1.0, problem.answer) and set(said) <= {"+", "-"}
        assert ask(socket, type="state")["data"]["step_count"] == len(actions) > 1
        ask(socket, type="reset", data={"seed": 3})
        for turn in range(game.turns):
            told = ask(socket, type="step", data={"completion": "nonsense"})["data"]
            assert told["done"] == (turn == game.turns - 1)
        assert told["reward"] == 0.0


def test_held_out_problems_are_others():
    work = [Session(Arithmetic()).answer({"type": "reset", "data": {"seed": n}}) for n in range(30)]
    held = [Session(Arithmetic(), held_out=True).answer({"type": "reset", "data": {"seed": n}}) for n in range(30)]
    prompts = [{one["data"]["observation"]["prompt"] for one in asked} for asked in (work, held)]
    assert not prompts[0] & prompts[1]
    assert MOST_BYTES >= 1 << 20


def test_a_seeds_problem_is_shown():
    problem = Arithmetic().problem(key_of(3))
    told = CliRunner().invoke(
        app, ["env", "show", "arithmetic/1", "--seed", "3", "--completion", problem.answer, "--json"]
    )
    said = json.loads(told.output.splitlines()[-1])
    assert told.exit_code == 0 and said["prompt"] == problem.prompt and said["reward"] == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_openenvs_own_client_plays_it(url, tmp_path):
    """Its dependencies do not resolve beside ours: it has an environment of its own, and only bytes pass between."""
    folder = Path(os.environ.get("GRAIL_OPENENV_VENV") or tmp_path / "openenv")
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", CLIENT], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"NOTICE: {CLIENT} cannot be had: its client is SKIPPED ({done.stderr.strip()[-200:]})")
    assert Path(sys.executable) != python
    problems = {seed: Arithmetic().problem(key_of(seed)) for seed in range(5)}
    answers = [f"{seed}={problem.answer if seed % 2 else 'none'}" for seed, problem in problems.items()]
    done = subprocess.run([python, "-c", PLAY, url, *answers], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [word for seed in problems for word in (str(seed), str(float(seed % 2)))]
