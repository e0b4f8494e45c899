"""A model of all money in plain Python, played against the contracts by random histories."""
