"""The kernels for accelerators: interpreted here they choose the reference's tokens, and they compile for CUDA.

Neither needs a GPU. Where there is one, the same comparison runs on it (marker gpu).
"""

import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton", reason="NOTICE: no Triton: tests of the CUDA sampler are SKIPPED")

INTERPRETED = """
import os
os.environ["TRITON_INTERPRET"] = "1"
import torch
from grail.inference.sampling import cuda, reference
torch.manual_seed(0)
for vocabulary, milli, spread in ((17, 1000, 1.0), (1025, 700, 8.0), (4096, 1000, 0.0), (9000, 1300, 30.0)):
    logits = torch.randn(5, vocabulary) * spread
    keys, steps = torch.randint(0, 2**32, (5, 2)), torch.randint(0, 2**31, (5,))
    told = logits, milli, keys, steps
    assert torch.equal(cuda.mandated(*told), reference.mandated(*told).tokens), (vocabulary, milli)
    view = torch.randn(5, vocabulary + 3)[:, :vocabulary]
    assert torch.equal(cuda.mandated(view, *told[1:]), reference.mandated(view, *told[1:]).tokens)
print("equal")
"""

COMPILED = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from grail.inference.sampling import cuda
KINDS = dict(logits="*fp32", row_stride="i32", keys="*i64", steps="*i64", best="*fp32", floor="*fp32", scores="*fp64",
             tokens="*i64", vocabulary="i32", milli="i32", tiles="i32", SIZE="constexpr")
for kernel in (cuda._best_of_tiles, cuda._winners_of_tiles):
    source = ASTSource(kernel, {name: KINDS[name] for name in kernel.arg_names}, {"SIZE": cuda.BLOCKS})
    for architecture in (80, 90):
        assert "cubin" in triton.compile(source, target=GPUTarget("cuda", architecture, 32)).asm
print("compiled")
"""


@pytest.mark.parametrize("program, told", [(INTERPRETED, "equal"), (COMPILED, "compiled")])
def test_without_a_gpu(program, told):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert told in done.stdout, done.stderr[-2_000:]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="NOTICE: no CUDA device: the kernels run interpreted only")
@pytest.mark.parametrize("vocabulary", [17, 49_152, 151_936])
def test_on_a_gpu(vocabulary):
    from grail.inference.sampling import cuda, mandated, margins_of, reference

    logits = torch.randn(64, vocabulary, device="cuda") * 4
    keys = torch.randint(0, 2**32, (64, 2), device="cuda")
    steps = torch.randint(0, 2**31, (64,), device="cuda")
    expected = reference.mandated(logits, 1000, keys, steps)
    assert torch.equal(cuda.mandated(logits, 1000, keys, steps), expected.tokens)
    assert torch.equal(mandated(logits, 1000, keys, steps).tokens, expected.tokens)
    assert not margins_of(logits, 1000, keys, steps, expected.tokens).any()


def test_scores_of_single_ids_are_those_of_all():
    from grail.inference.sampling import reference

    logits, keys = torch.randn(4, 100), torch.randint(0, 2**32, (4, 2))
    steps, ids = torch.arange(4), torch.tensor([0, 7, 99, 50])
    every = reference.scores(logits, 900, keys, steps).gather(1, ids[:, None])[:, 0]
    assert torch.equal(reference.scores_of(logits, 900, keys, steps, ids), every)
