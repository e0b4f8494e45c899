"""Text ↔ token ids with a checkpoint's own tokenizer, the same on every machine."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from grail.checkpoints.files import TOKENIZER, Checkpoint
from grail.errors import BadCheckpoint, BadInput
from grail.protocol.constants import MAX_PROMPT_TOKENS


class TextCodec:
    """The canonical encoding of prompts and decoding of completions for one checkpoint."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._path = checkpoint.folder / TOKENIZER
        self._eos = frozenset(checkpoint.rules.eos_ids)
        self._vocab_size = checkpoint.vocab_size
        self._longest = min(MAX_PROMPT_TOKENS, checkpoint.context - checkpoint.rules.max_tokens)

    def encode(self, prompt: str) -> NDArray[np.int32]:
        """Prompt ids, int32 (p,). Raises BadInput for an empty prompt, or one that leaves no room for a completion."""
        ids = self._tokenizer.encode(prompt, add_special_tokens=False).ids
        if not 1 <= len(ids) <= self._longest:
            raise BadInput(f"expected a prompt of 1 to {self._longest} tokens in this model's context, got {len(ids)}")
        return np.array(ids, dtype=np.int32)

    def decode(self, tokens: NDArray[np.int32]) -> str:
        """Text of a completion; a closing EOS is dropped, every other special token is kept visible."""
        ids = tokens.tolist()
        if ids and ids[-1] in self._eos:
            ids = ids[:-1]
        return self._tokenizer.decode(ids, skip_special_tokens=False)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._path))
        if tokenizer.get_vocab_size() > self._vocab_size:
            raise BadCheckpoint(
                f"expected a tokenizer of at most {self._vocab_size} tokens in {self._path}, got "
                f"{tokenizer.get_vocab_size()}: weights and tokenizer are of different models"
            )
        return tokenizer
