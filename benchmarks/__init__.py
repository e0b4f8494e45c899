"""All speed: studies, each with the command that reproduces it, and what `grail bench` runs."""
