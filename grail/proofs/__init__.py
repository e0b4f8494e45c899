"""Activation proofs: a few bytes a token that pin the hidden states behind it."""
