"""One file for each thing that a validator is answerable for."""
