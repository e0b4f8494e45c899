"""A double of Subtensor, for tests and for `grail devnet up --bittensor`. It is no node, and says so."""
