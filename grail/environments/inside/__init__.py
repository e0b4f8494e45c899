"""Scripts that run in the sandbox, under its Python, with the packages that they need and nothing of Grail.

`serving` is what they share; each other file serves one library. `grail.environments.sandboxed` speaks to them.
"""
