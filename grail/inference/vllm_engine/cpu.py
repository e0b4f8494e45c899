"""vLLM on a CPU: what it reads from the environment, and what it must not see when it starts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from grail.config import tell_libraries
from grail.inference.cpu_instructions import avoid_broken_instructions

KV_GIB = "2"
UNREADABLE = "llvmlite.binding.ffi"


def prepare_cpu() -> None:
    """Before vLLM is imported."""
    tell_libraries(VLLM_CPU_KVCACHE_SPACE=KV_GIB)
    avoid_broken_instructions()


@contextmanager
def readable_modules() -> Iterator[None]:
    """vLLM 0.32 reads the attributes of every loaded module when it starts, and numba's library has one that raises."""
    module = sys.modules.pop(UNREADABLE, None)
    try:
        yield
    finally:
        if module is not None:
            sys.modules[UNREADABLE] = module
