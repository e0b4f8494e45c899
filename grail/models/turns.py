"""What stands between the turns of a dialogue, derived from a model's own chat template and checked against it.

A dialogue is never rendered again: what is there stays, the world's answer is appended within these ids. So the model
reads what its template would have shown it, and no text that is encoded twice changes ids that were sampled.
"""

from pathlib import Path

from grail.checkpoints.files import CHAT_TEMPLATE, Checkpoint, TurnRules
from grail.errors import BadCheckpoint
from grail.inference.text import TextCodec

ASKED, ACTED, SAID = "U7q2U", "A7q2A", "O7q2O"
"""Marks that no template writes itself."""
PROBES = 32
MOST_TURNS = 6


def turn_rules(checkpoint: Checkpoint, max_turn_tokens: int) -> TurnRules:
    """Of a model with a chat template from that; of another a line's end around each answer, or where its tokenizer has
    none, a space behind it. Raises BadCheckpoint where the template rewrites what was said before: then it is one of
    single turns.
    """
    codec = TextCodec(checkpoint)
    if not (checkpoint.folder / CHAT_TEMPLATE).exists():
        line = codec.literal("\n")
        before, after = (line, line) if line is not None else ([], codec.literal(" ") or [])
        close = [min(checkpoint.rules.eos_ids)]
        return TurnRules(close=tuple(close), before=tuple(before), after=tuple(after), max_turn_tokens=max_turn_tokens)
    text = codec.rendered(_talk(ASKED, ACTED, SAID))
    head, acted, rest = text.partition(ACTED)
    between, said, tail = rest.partition(SAID)
    if not acted or not said or ASKED not in head:
        raise _single(checkpoint.folder, "it does not show what was said as it was said")
    ids = codec.ids(between)
    ends = [place for place, token in enumerate(ids) if token in checkpoint.rules.eos_ids]
    if not ends or ends[0] != 0:
        raise _single(checkpoint.folder, "it does not end what the model says in one of eos_ids")
    rules = TurnRules(
        close=(ids[0],), before=tuple(ids[1:]), after=tuple(codec.ids(tail)), max_turn_tokens=max_turn_tokens
    )
    for probe in range(PROBES):
        _require_append_only(codec, checkpoint.folder, between, tail, probe)
    return rules


def _require_append_only(codec: TextCodec, folder: Path, between: str, tail: str, probe: int) -> None:
    """Dialogues of 2 to MOST_TURNS turns are each the beginning of the next, with nothing else between."""
    texts = [f"{mark} {probe}.{turn}" for turn in range(MOST_TURNS) for mark in ("say", "do")]
    written = codec.rendered(_talk(*texts[:1]))
    for acted, said in zip(texts[1:-1:2], texts[2::2], strict=True):
        written += acted + between + said + tail
        turns = texts[: texts.index(said) + 1]
        if codec.rendered(_talk(*turns)) != written:
            raise _single(folder, "it rewrites earlier turns when there are more of them")


def _talk(*texts: str) -> list[dict[str, str]]:
    """Messages of user and assistant by turns."""
    return [{"role": "assistant" if place % 2 else "user", "content": text} for place, text in enumerate(texts)]


def _single(folder: Path, why: str) -> BadCheckpoint:
    return BadCheckpoint(f"{folder / CHAT_TEMPLATE} is a template for single turns: {why}; --no-chat leaves it out")
