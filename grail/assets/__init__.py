"""Packaged files: the contracts' artifacts and the tiny model."""
