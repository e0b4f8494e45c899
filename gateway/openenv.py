"""An environment behind OpenEnv's WebSocket, so that any OpenEnv client plays it: `grail env serve`.

    /ws         {"type": "reset", "data": {"seed": 7}}, {"type": "step", "data": {"completion": "…"}}, state, close
    /health     is it there
    /metadata   what it is
    /schema     what actions, observations and states consist of

Source of the messages: openenv-core 0.3.0, env_server/types.py. A session is one connection; an episode is one problem
and one completion, or as many as its world answers: what it says is then the observation's `said`. A problem follows
from its seed, so everybody who asks for it gets the same; its answer is not told.
"""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from grail.environments.base import Conversation, Environment, Grade, Problem
from grail.errors import BadInput, GrailError
from grail.foreign.parsing import parse_json
from grail.protocol.hashing import tagged_hash
from grail.protocol.units import MICRO, Digest
from grail.telemetry.log import get_logger

TAG = "grail/openenv/1"
MOST_BYTES = 1 << 20
"""Of one message."""
MOST_ID = 255
IDLE_SECONDS = 600.0
SEED_BITS = 63
INVALID_JSON, UNKNOWN_TYPE, VALIDATION = "INVALID_JSON", "UNKNOWN_TYPE", "VALIDATION_ERROR"
EXECUTION, CAPACITY = "EXECUTION_ERROR", "CAPACITY_REACHED"
TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
SCHEMA = {
    "action": {"type": "object", "properties": {"completion": TEXT}, "required": ["completion"]},
    "observation": {
        "type": "object",
        "properties": {"prompt": TEXT, "said": TEXT, "reason": TEXT, "level": TEXT, "seed": {"type": "integer"}},
    },
    "state": {
        "type": "object",
        "properties": {
            "episode_id": TEXT, "step_count": {"type": "integer"}, "seed": {"type": "integer"}, "environment": TEXT,
        },
    },
}  # fmt: skip


class Refused(Exception):
    """A message that is answered with an error: its code, and why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def key_of(seed: int) -> Digest:
    """The problem key of a seed."""
    return tagged_hash(TAG, seed)


@dataclass
class Session:
    """One connection's episode."""

    environment: Environment
    held_out: bool = False
    problem: Problem | None = None
    seed: int = 0
    episode: str = ""
    state: bytes = b""
    actions: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Completions of the episode so far."""
        return len(self.actions)

    def answer(self, message: Any) -> dict[str, Any] | None:
        """What a message is answered with; None for a goodbye. Raises Refused."""
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "close":
            return None
        if kind == "state":
            told = {"episode_id": self.episode, "step_count": self.steps, "seed": self.seed}
            return {"type": "state", "data": {**told, "environment": self.environment.id}}
        if kind not in ("reset", "step"):
            raise Refused(UNKNOWN_TYPE, f"expected reset, step, state or close, got {str(kind)[:40]!r}")
        data = message.get("data", {} if kind == "reset" else None)
        if not isinstance(data, dict):
            raise Refused(VALIDATION, f"expected an object as data of {kind}")
        return {"type": "observation", "data": self._reset(data) if kind == "reset" else self._step(data)}

    def _reset(self, data: dict[str, Any]) -> dict[str, Any]:
        seed, episode = data.get("seed"), data.get("episode_id")
        if seed is None:
            seed = secrets.randbits(SEED_BITS)
        if type(seed) is not int or not 0 <= seed < 1 << 256:
            raise Refused(VALIDATION, "expected seed as an integer from 0 on")
        if episode is not None and (not isinstance(episode, str) or len(episode) > MOST_ID):
            raise Refused(VALIDATION, f"expected episode_id as a text of at most {MOST_ID} characters")
        make = self.environment.held_out if self.held_out else self.environment.problem
        self.problem, self.seed, self.actions = make(key_of(seed)), seed, []
        if isinstance(self.environment, Conversation):
            self.state = self.environment.begin(self.problem)
        self.episode = episode if episode is not None else f"{self.environment.id}-{seed}"
        shown = {"prompt": self.problem.prompt, "level": self.problem.level, "seed": seed}
        return {"observation": shown, "reward": None, "done": False}

    def _step(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.problem is None:
            raise Refused(EXECUTION, "expected a reset first: an episode is one problem and one completion")
        completion = data.get("completion")
        if not isinstance(completion, str):
            raise Refused(VALIDATION, "expected completion as a text")
        problem, said = self.problem, self._said(self.problem, completion)
        if said is not None:
            heard = {"prompt": problem.prompt, "said": said, "level": problem.level, "seed": self.seed}
            return {"observation": heard, "reward": None, "done": False}
        self.problem = None
        grade = self._grade(problem, completion)
        shown = {"prompt": problem.prompt, "reason": "" if grade.certain else "uncertain", "level": problem.level}
        reward = grade.reward_micro / MICRO
        return {"observation": {**shown, "seed": self.seed}, "reward": reward, "done": True}

    def _said(self, problem: Problem, completion: str) -> str | None:
        """What the world says to a completion; None where the episode is over."""
        self.actions.append(completion)
        if not isinstance(self.environment, Conversation):
            return None
        step = self.environment.step(problem, self.state, completion)
        self.state = step.state
        return step.observation if len(self.actions) < self.environment.turns else None

    def _grade(self, problem: Problem, completion: str) -> Grade:
        if isinstance(self.environment, Conversation):
            return self.environment.end(problem, self.state, self.actions)
        return self.environment.grade(problem, completion)


def environment_app(environment: Environment, *, sessions: int, held_out: bool = False) -> FastAPI:
    """The application. `sessions`: connections at a time; `held_out`: problems for evaluation, which work never has."""
    app = FastAPI(title="Grail environment", docs_url=None, redoc_url=None)
    room = asyncio.Semaphore(sessions)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/metadata")
    async def metadata() -> dict[str, str]:
        told = (environment.__doc__ or "").strip().splitlines()
        return {"name": environment.id, "description": told[0] if told else environment.id}

    @app.get("/schema")
    async def schema() -> dict[str, Any]:
        return SCHEMA

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        if room.locked():
            await socket.send_text(_error(CAPACITY, f"{sessions} sessions are open already"))
            await socket.close()
            return
        async with room:
            await _converse(socket, Session(environment, held_out))

    return app


async def _converse(socket: WebSocket, session: Session) -> None:
    """Until either side goes, or nothing was said for ten minutes."""
    try:
        while True:
            raw = await asyncio.wait_for(socket.receive_text(), IDLE_SECONDS)
            try:
                message = parse_json(raw.encode(), "a message", most=MOST_BYTES)
            except BadInput as error:
                await socket.send_text(_error(INVALID_JSON, str(error)))
                continue
            try:
                answer = await asyncio.to_thread(session.answer, message)
            except Refused as refused:
                await socket.send_text(_error(refused.code, str(refused)))
                continue
            except GrailError as error:
                get_logger().warning("an episode failed", environment=session.environment.id, reason=str(error))
                await socket.send_text(_error(EXECUTION, str(error)))
                continue
            if answer is None:
                break
            await socket.send_text(json.dumps(answer))
        await socket.close()
    except TimeoutError:
        await socket.close()
    except WebSocketDisconnect:
        return


def _error(code: str, why: str) -> str:
    return json.dumps({"type": "error", "data": {"message": why, "code": code}})
