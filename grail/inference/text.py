"""Text ↔ token ids with a checkpoint's own tokenizer, the same on every machine."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from numpy.typing import NDArray
from tokenizers import Tokenizer

from grail.checkpoints.files import CHAT_TEMPLATE, TOKENIZER, Checkpoint
from grail.environments.dialogue import Lengths
from grail.errors import BadCheckpoint, BadInput
from grail.protocol.constants import MAX_PROMPT_TOKENS

Answer = TypeVar("Answer")


class TextCodec:
    """The canonical encoding of prompts and decoding of completions for one checkpoint."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._path = checkpoint.folder / TOKENIZER
        self._template_path = checkpoint.folder / CHAT_TEMPLATE
        self.checkpoint = checkpoint
        self._eos = frozenset(checkpoint.rules.eos_ids)
        self._vocab_size = checkpoint.vocab_size
        self._longest = min(MAX_PROMPT_TOKENS, checkpoint.context - checkpoint.rules.max_tokens)

    @cached_property
    def lengths(self) -> Lengths:
        """What the checkpoint's rules allow."""
        rules = self.checkpoint.rules
        turn = rules.turn.max_turn_tokens if rules.turn else None
        return Lengths(rules.max_tokens, turn, self.checkpoint.context, rules.eos_ids)

    def encode(self, prompt: str) -> NDArray[np.int32]:
        """Prompt ids, int32 (p,). Raises BadInput for an empty prompt, or one that leaves no room for a completion."""
        ids = self.ids(self._rendered(prompt))
        if not 1 <= len(ids) <= self._longest:
            raise BadInput(f"expected a prompt of 1 to {self._longest} tokens in this model's context, got {len(ids)}")
        return np.array(ids, dtype=np.int32)

    def encode_completion(self, text: str) -> NDArray[np.int32]:
        """What a model that answers `text` and ends samples, int32 (n,): its tokens as they follow nothing, an EOS."""
        return np.array([*self.ids(text), max(self._eos)], dtype=np.int32)

    def decode(self, tokens: NDArray[np.int32]) -> str:
        """Text of a completion; a closing EOS is dropped, every other special token is kept visible."""
        ids = tokens.tolist()
        if ids and ids[-1] in self._eos:
            ids = ids[:-1]
        return self._asked(lambda: self._tokenizer.decode(ids, skip_special_tokens=False))

    def action(self, turn: NDArray[np.int32]) -> str:
        """Text of one turn of a dialogue; none where it holds control tokens: nobody speaks for the world."""
        inside = turn[:-1] if int(turn[-1]) in self._eos else turn
        return "" if self._added.intersection(inside.tolist()) else self.decode(turn)

    def bridge(self, observation: str, *, closed: bool) -> NDArray[np.int32] | None:
        """What stands behind a turn, int32 (k,): what the world says, literally, within the rules' ids; `closed`: the
        turn has ended in an EOS. None where this tokenizer cannot say it without a control token, or not exactly.
        """
        rules = self.checkpoint.turn_rules()
        said = self.literal(observation)
        if said is None:
            return None
        return np.array([*(() if closed else rules.close), *rules.before, *said, *rules.after], dtype=np.int32)

    def observed(self, observation: str, bridge: NDArray[np.int32]) -> slice:
        """Where in a bridge the world's own words stand."""
        end = len(bridge) - len(self.checkpoint.turn_rules().after)
        return slice(end - len(self.literal(observation) or ()), end)

    def literal(self, text: str) -> list[int] | None:
        """Ids of a text in which nothing is a control token, whatever it looks like; None where there are none."""
        ids = self._asked(lambda: self._plain.encode(text, add_special_tokens=False).ids)
        exact = self._asked(lambda: self._plain.decode(ids, skip_special_tokens=False)) == text
        return ids if exact and not self._added.intersection(ids) else None

    def ids(self, text: str) -> list[int]:
        """Of a text in which control tokens may be written."""
        return self._asked(lambda: self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """What the tokenizer says. Raises BadCheckpoint where it breaks: its library raises bare Exceptions."""
        try:
            return question()
        except BadCheckpoint:
            raise
        except Exception as error:
            raise BadCheckpoint(f"the tokenizer in {self._path} breaks: {error}") from error

    def rendered(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Messages by the chat template, up to where the model goes on. Raises BadCheckpoint where it cannot."""
        try:
            assert self._template is not None
            return self._template.render(messages=messages, add_generation_prompt=True)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            said = "a single message" if len(messages) == 1 else f"{len(messages)} messages"
            raise BadCheckpoint(f"expected {self._template_path} to render {said}, got: {error}") from error

    def _rendered(self, prompt: str) -> str:
        """The prompt as the one message of a conversation, where the checkpoint has a chat template; else itself."""
        if self._template is None:
            return prompt
        return self.rendered([{"role": "user", "content": prompt}])

    @cached_property
    def _template(self) -> Template | None:
        """In a sandbox and without a clock: what it renders depends on the prompt alone."""
        if not self._template_path.exists():
            return None
        room = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        room.globals["raise_exception"] = _refuse
        try:
            return room.from_string(self._template_path.read_text())
        except TemplateError as error:
            raise BadCheckpoint(f"expected a Jinja template in {self._template_path}, got: {error}") from error

    @cached_property
    def _raw(self) -> dict[str, Any]:
        """The tokenizer's file, read once for what the library does not tell."""
        return json.loads(self._path.read_bytes())

    @cached_property
    def _plain(self) -> Tokenizer:
        """The tokenizer without its added tokens: a text is what it says."""
        plain = self._raw | {"added_tokens": [], "post_processor": None}
        return self._asked(lambda: Tokenizer.from_str(json.dumps(plain)))

    @cached_property
    def _added(self) -> frozenset[int]:
        """Ids of control tokens, and of all others that were added to the vocabulary."""
        return frozenset(entry["id"] for entry in self._raw.get("added_tokens") or ())

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = self._asked(lambda: Tokenizer.from_file(str(self._path)))
        if tokenizer.get_vocab_size() > self._vocab_size:
            raise BadCheckpoint(
                f"expected a tokenizer of at most {self._vocab_size} tokens in {self._path}, got "
                f"{tokenizer.get_vocab_size()}: weights and tokenizer are of different models"
            )
        return tokenizer


def _refuse(reason: str) -> None:
    """What templates call on messages that they do not take."""
    raise TemplateError(reason)
