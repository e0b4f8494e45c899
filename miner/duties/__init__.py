"""One file for each thing that a miner can be paid for."""
