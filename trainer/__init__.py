"""Trainer: makes the next checkpoint."""
