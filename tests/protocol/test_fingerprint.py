"""One changed bit, name, dtype or shape changes the fingerprint."""

import dataclasses

import pytest

from grail.protocol.fingerprint import TensorBytes, fingerprint

TENSOR = TensorBytes("a.weight", "F32", (2, 2), bytes(range(16)))
OTHER = TensorBytes("b.weight", "BF16", (2,), bytes(4))
FILES = {"config.json": b"{}", "tokenizer.json": b"[]"}


@pytest.mark.parametrize(
    "change",
    [{"name": "c.weight"}, {"dtype": "F16"}, {"shape": (4,)}, {"data": bytes(range(15)) + b"\xff"}],
    ids=["name", "dtype", "shape", "bit"],
)
def test_any_change_of_a_tensor_shows(change):
    assert fingerprint([TENSOR, OTHER], FILES) != fingerprint([dataclasses.replace(TENSOR, **change), OTHER], FILES)


def test_files_count_and_order_does_not():
    assert fingerprint([TENSOR, OTHER], FILES) == fingerprint([OTHER, TENSOR], dict(reversed(FILES.items())))
    assert fingerprint([TENSOR, OTHER], FILES) != fingerprint([TENSOR, OTHER], FILES | {"config.json": b"{ }"})
    assert fingerprint([TENSOR, OTHER], FILES) != fingerprint([TENSOR], FILES)
