"""How nodes are asked: over HTTP, several of them, whatever they say."""
