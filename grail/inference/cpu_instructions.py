"""Matrix instructions that only seem to be there: some virtual machines announce AMX and kill what uses it."""

import subprocess
import sys
from functools import cache

import torch

from grail.config import tell_libraries

_PROBE = "import torch; a = torch.ones(256, 256, dtype=torch.bfloat16); torch.nn.functional.linear(a, a)"


def avoid_broken_instructions() -> None:
    """Before the first bf16 product of this process: have oneDNN and vLLM do without AMX where it does not work."""
    if not matrix_instructions_work():
        tell_libraries(ONEDNN_MAX_CPU_ISA="AVX512_CORE_BF16")
        torch.cpu._is_amx_tile_supported = _no


@cache
def matrix_instructions_work() -> bool:
    """Does a bf16 product end? Asked of a process of its own, once, where AMX is announced."""
    if not torch.cpu._is_amx_tile_supported():
        return True
    return subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, check=False).returncode == 0


def _no() -> bool:
    return False
