"""Generation with vLLM: continuous batching and prefix caching, with the protocol's noise in place of vLLM's own.

`engine` is what the rest of Grail uses. `recorder`, `processors` and `worker` run inside vLLM's worker process: the
recorder computes logits in float32, chooses the mandated token and keeps logprobs and sketches; the processors tell it
which row is which request, one for each of vLLM's two model runners.
"""
