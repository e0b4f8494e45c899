"""Following a path of a sum tree: it ends in the tree's root, or is refused."""

from dataclasses import replace

import pytest

from grail.protocol.hashing import keccak256
from grail.protocol.sum_tree import SumTree, root_of

CONTEXT = keccak256(b"a context")


def test_a_path_leads_to_its_root_and_one_that_does_not_fit_is_refused():
    for size in (1, 2, 3, 7, 8, 13):
        tree = SumTree(CONTEXT, {key: 10 * key + 1 for key in range(size)})
        for key in range(size):
            entry = tree.entry(key)
            assert root_of(CONTEXT, size, entry) == tree.root
            assert root_of(CONTEXT, size, replace(entry, value=entry.value + 1)) != tree.root
            with pytest.raises(ValueError, match="too long"):
                root_of(CONTEXT, size, replace(entry, path=(*entry.path, 1)))
            with pytest.raises(ValueError, match="no such leaf"):
                root_of(CONTEXT, size, replace(entry, index=size))
            if entry.path:
                with pytest.raises(ValueError, match="too early"):
                    root_of(CONTEXT, size, replace(entry, path=entry.path[:-1]))
