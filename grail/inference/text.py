"""Text ↔ token ids with a checkpoint's own tokenizer, the same on every machine."""

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import numpy as np
from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from numpy.typing import NDArray
from tokenizers import Tokenizer

from grail.checkpoints.files import CHAT_TEMPLATE, TOKENIZER, Checkpoint
from grail.errors import BadCheckpoint, BadInput
from grail.protocol.constants import MAX_PROMPT_TOKENS

Answer = TypeVar("Answer")


class TextCodec:
    """The canonical encoding of prompts and decoding of completions for one checkpoint."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._path = checkpoint.folder / TOKENIZER
        self._template_path = checkpoint.folder / CHAT_TEMPLATE
        self._eos = frozenset(checkpoint.rules.eos_ids)
        self._vocab_size = checkpoint.vocab_size
        self._longest = min(MAX_PROMPT_TOKENS, checkpoint.context - checkpoint.rules.max_tokens)

    def encode(self, prompt: str) -> NDArray[np.int32]:
        """Prompt ids, int32 (p,). Raises BadInput for an empty prompt, or one that leaves no room for a completion."""
        ids = self._ids(self._rendered(prompt))
        if not 1 <= len(ids) <= self._longest:
            raise BadInput(f"expected a prompt of 1 to {self._longest} tokens in this model's context, got {len(ids)}")
        return np.array(ids, dtype=np.int32)

    def encode_completion(self, text: str) -> NDArray[np.int32]:
        """What a model that answers `text` and ends samples, int32 (n,): its tokens as they follow nothing, an EOS."""
        return np.array([*self._ids(text), max(self._eos)], dtype=np.int32)

    def decode(self, tokens: NDArray[np.int32]) -> str:
        """Text of a completion; a closing EOS is dropped, every other special token is kept visible."""
        ids = tokens.tolist()
        if ids and ids[-1] in self._eos:
            ids = ids[:-1]
        return self._asked(lambda: self._tokenizer.decode(ids, skip_special_tokens=False))

    def _ids(self, text: str) -> list[int]:
        return self._asked(lambda: self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """What the tokenizer says. Raises BadCheckpoint where it breaks: its library raises bare Exceptions."""
        try:
            return question()
        except BadCheckpoint:
            raise
        except Exception as error:
            raise BadCheckpoint(f"the tokenizer in {self._path} breaks: {error}") from error

    def _rendered(self, prompt: str) -> str:
        """The prompt as the one message of a conversation, where the checkpoint has a chat template; else itself."""
        if self._template is None:
            return prompt
        messages = [{"role": "user", "content": prompt}]
        try:
            return self._template.render(messages=messages, add_generation_prompt=True)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise BadCheckpoint(f"expected {self._template_path} to render a single message, got: {error}") from error

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
