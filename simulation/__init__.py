"""A whole network in one process: real contracts, real model, real protocol; seeded. Shared by demo and red team."""
