"""What libraries raise where memory ends."""

EXHAUSTED = (MemoryError, RuntimeError)
"""To be caught, and raised again where it is not `out_of_memory`: torch's errors are RuntimeErrors of all kinds."""


def out_of_memory(error: BaseException) -> bool:
    """Is it for lack of memory?"""
    return isinstance(error, MemoryError) or "memory" in str(error)
