"""What a model says, without what it only thought: sections that begin with <think> and end with </think>.

Templates may open the section in the prompt, so an end without a beginning ends one. A section that is never closed
holds everything after it: whoever is cut off while thinking has said nothing.
"""

BEGIN, END = "<think>", "</think>"


def said(completion: str) -> str:
    """The reply behind the last thought; empty where a thought is not finished. In linear time."""
    reply = completion.rpartition(END)[2]
    return "" if BEGIN in reply else reply
