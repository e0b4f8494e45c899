"""The model as the learner sees it: from a batch to the log-probability of every sampled token."""

from typing import Any

import torch
from torch import Tensor, nn

from grail.errors import BadCheckpoint
from grail.training.attention import KINDS, NAME
from grail.training.batch import TrainingBatch
from grail.training.head import chosen_logprobs


class Policy(nn.Module):
    """A transformers model whose LM head runs in pieces; one module, so that it can be sharded as a whole."""

    def __init__(self, model: Any, scale: float, *, half: bool) -> None:
        """`scale`: 1 / T. `half`: products in bf16, with weights as they are. The model is given the batch's attention.

        Raises BadCheckpoint for a model that cannot be trained here.
        """
        super().__init__()
        self.model = model
        self._scale = scale
        self._half = half
        if model.get_output_embeddings().bias is not None:
            raise BadCheckpoint("expected an LM head without bias: models with one cannot be trained here")
        if others := set(getattr(model.config, "layer_types", None) or ()) - KINDS:
            raise BadCheckpoint(
                f"expected layers of attention, found {', '.join(sorted(others))}: they cannot be packed"
            )
        model.set_attn_implementation(NAME)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return next(self.parameters()).device

    def forward(self, batch: TrainingBatch) -> tuple[Tensor, Tensor]:
        """log π of every sampled token and the entropy there (nats), float32 (tokens,)."""
        device = self.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._half):
            answer = self.model.base_model(
                input_ids=batch.ids.to(device),
                position_ids=batch.places.to(device),
                layout=batch.layout.to(device),
                use_cache=False,
            )
        # index_select: its gradient adds in one order, that of an indexed tensor in whichever its threads come
        states = answer.last_hidden_state[0].index_select(0, batch.states.to(device))
        weight = self.model.get_output_embeddings().weight
        return chosen_logprobs(states, weight, batch.targets.to(device), self._scale)
