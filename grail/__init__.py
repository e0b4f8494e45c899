"""Grail: verifiable, incentivised reinforcement learning. Importing this package loads nothing heavy."""

__version__ = "0.1.0"
