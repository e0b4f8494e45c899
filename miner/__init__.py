"""Miner: makes verifiable work."""
