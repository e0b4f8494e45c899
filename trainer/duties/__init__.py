"""One file for each thing that a trainer is trusted with."""
