"""Verified rollouts in, better weights out. Knows tensors and groups; knows no chain and no roles."""
