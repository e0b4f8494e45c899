"""reasoning-gym's own graders: {"task", "parameters", "seed", "answer"} → {"score", "seconds"}."""

from serving import score_in_child, serve


def load():  # type: ignore[no-untyped-def]
    """Import the library; returns what answers."""
    import reasoning_gym

    def answer(asked):  # type: ignore[no-untyped-def]
        dataset = reasoning_gym.create_dataset(asked["task"], seed=asked["seed"], size=1, **dict(asked["parameters"]))
        entry = dataset[0]
        return score_in_child(lambda: dataset.score_answer(asked["answer"], entry))

    return answer


if __name__ == "__main__":
    serve(load)
