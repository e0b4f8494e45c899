"""A taskset of the verifiers ecosystem: {"index"} → {"prompt", "answer"}; {"index", "reply"} → {"score", "seconds"}.

The first argument of the program is the taskset's id, the second how many of its tasks count. Refuses a taskset whose
rewards need a container, a runtime or a judge: they would not be the same everywhere.
"""

import sys

from serving import score_in_child, serve


def load():  # type: ignore[no-untyped-def]
    """Import the package and list its tasks; returns what answers."""
    import asyncio
    import inspect
    import itertools

    from verifiers import v1

    taskset_id, count = sys.argv[1], int(sys.argv[2])
    from verifiers.v1.utils.loaders import taskset_class

    kind = taskset_class(taskset_id)
    found = kind(_config_of(kind)(id=taskset_id))
    tasks = list(itertools.islice(iter(found), count))
    if not tasks:
        raise ValueError("the taskset has no tasks")
    first = tasks[0]
    rewards = first.hooks("reward")
    fixed = [fn.__name__ for fn in rewards if _needs(inspect.signature(fn), "runtime")]
    if first.NEEDS_CONTAINER or fixed or first.plugged_judges() or not rewards:
        raise ValueError("expected rewards that need no container, runtime or judge, and at least one of them")

    def answer(asked):  # type: ignore[no-untyped-def]
        if asked["index"] < 0:
            return {"count": len(tasks)}
        task = tasks[asked["index"]]
        if "reply" not in asked:
            parts = [task.data.system_prompt or "", task.data.prompt_text]
            told = getattr(task.data, "answer", "")
            return {"prompt": "\n\n".join(filter(None, parts)), "answer": told if isinstance(told, str) else ""}
        return score_in_child(lambda: asyncio.run(_score(v1, task, asked["reply"])))

    return answer


def _needs(signature, name):  # type: ignore[no-untyped-def]
    parameter = signature.parameters.get(name)
    return parameter is not None and parameter.default is parameter.empty


def _config_of(kind):  # type: ignore[no-untyped-def]
    from verifiers.v1.configs.taskset import TasksetConfig
    from verifiers.v1.utils.generic import concrete_type

    return concrete_type(kind, TasksetConfig) or TasksetConfig


async def _score(v1, task, reply):  # type: ignore[no-untyped-def]
    from verifiers.v1.trace import AgentInfo, TraceTask

    trace = v1.Trace.model_construct(
        task=TraceTask(type=type(task).__name__, data=task.data),
        agent=AgentInfo.model_construct(),
        root_reply=reply,
        nodes=[],
        rewards={},
        metrics={},
    )
    await task.score(trace, None)
    return trace.reward


if __name__ == "__main__":
    serve(load)
