"""Thin runnable entry points: `python neurons/miner.py --config miner.toml`, and the `grail` command."""
