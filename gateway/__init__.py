"""Doors for other people's programs: our environments for their trainers."""
