"""Verified rollouts as data sets: rows with the proof of where they come from, choices among them, and their check."""
