"""What one vLLM worker samples, and what it keeps of it. Knows tensors; knows nothing of vLLM.

Each step of a batch: `logits` computes the LM head in float32 and remembers the hidden states, `choose` puts the
mandated token above every other logit, so that vLLM's greedy choice takes it. Nothing leaves the device before `take`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grail.errors import BadCheckpoint, Unavailable
from grail.inference.sampling import logprobs_of, mandated
from grail.inference.tensors import project
from grail.proofs.sketch import SketchPlan

FIELD = "grail"
"""Name in SamplingParams.extra_args: [number of the rollout in its call, Philox key word 0, word 1, tokens that it has
from the turns before]."""
CERTAIN = 1e30
"""A logit that no other reaches."""


@dataclass(frozen=True, slots=True)
class Call:
    """What holds for all requests of one call of `generate`."""

    plan: SketchPlan
    temperature_milli: int
    greedy: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Everything chosen in one call, in the order of sampling, arrays of equal length n.

    rows, steps, tokens: int64 (n,). logprobs: float32 (n,). sketch: float32 (n, m).
    """

    rows: NDArray[np.int64]
    steps: NDArray[np.int64]
    tokens: NDArray[np.int64]
    logprobs: NDArray[np.float32]
    sketch: NDArray[np.float32]


@dataclass
class Recorder:
    """State of one worker."""

    head: tuple[Tensor, Tensor | None] | None = None
    """Weight and bias of the LM head in float32: bf16 logits are too coarse for the protocol."""
    call: Call | None = None
    _projection: Tensor | None = None
    _states: Tensor | None = None
    _kept: list[tuple[Tensor, ...]] = field(default_factory=list)

    def begin(self, call: Call) -> None:
        """Forget what was kept and serve this call."""
        assert self.head is not None
        weight = self.head[0]
        self.call = call
        self._projection = torch.from_numpy(call.plan.matrix(weight.shape[1])).to(weight.device)
        self._kept = []

    def logits(self, states: Tensor) -> Tensor:
        """Logits float32 (rows, vocab) of last hidden states (rows, hidden), which `choose` will look at again."""
        assert self.head is not None
        self._states = states
        answer = torch.nn.functional.linear(states.float(), *self.head)
        if not torch.isfinite(answer.sum()):
            raise BadCheckpoint("the model gave NaN or infinite logits: its weights are damaged, or overflow in bf16")
        return answer

    def choose(self, logits: Tensor, places: Tensor, rows: Tensor, steps: Tensor, keys: Tensor) -> None:
        """Make the mandated tokens certain, in place, and keep them.

        logits: float32 (batch, vocab), as `logits` gave them. places: int64 (n,), rows of `logits` that are ours.
        rows, steps: int64 (n,), number of the request in its call, and tokens it has so far. keys: int64 (n, 2).
        """
        if self.call is None or self._states is None or self._projection is None or len(self._states) != len(logits):
            raise Unavailable("this vLLM samples without asking for logits first: use the one of constraints.txt")
        own = logits if len(places) == len(logits) else logits[places]
        temperature = self.call.temperature_milli
        tokens = own.argmax(dim=1) if self.call.greedy else mandated(own, temperature, keys, steps).tokens
        sketch = project(self._states[places], self._projection)
        self._kept.append((rows, steps, tokens, logprobs_of(own, temperature, tokens), sketch))
        logits[places, tokens] = CERTAIN

    def take(self) -> Record:
        """What was kept since `begin`."""
        parts: Sequence[Sequence[Tensor]] = list(zip(*self._kept, strict=True))
        self.call, self._kept = None, []
        rows, steps, tokens, logprobs, sketch = (torch.cat(list(part)).cpu().numpy() for part in parts)
        return Record(rows, steps, tokens, logprobs, sketch)
