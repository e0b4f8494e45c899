"""Tasks: from a key to a problem, from a completion to a reward. `load("arithmetic/1")` finds one by id."""
