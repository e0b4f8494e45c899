"""Where people look: an index of the chain, its pages and its JSON. Holds no key."""
