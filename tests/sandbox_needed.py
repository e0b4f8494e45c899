"""What tests that run untrusted code need, and what is said where it is missing."""

import shutil

import pytest

NEEDS_SANDBOX = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="NOTICE: bubblewrap is missing: tests of untrusted code are SKIPPED"
)
