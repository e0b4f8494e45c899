"""Models by name: where they come from, and how they become checkpoint folders."""
