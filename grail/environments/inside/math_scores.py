"""Numbers in replies, by math-verify: {"answer", "reply"} → {"score", "seconds"}."""

import re

from serving import score_in_child, serve

WORD = re.compile(r"\S*[0-9]\S*")
GOES_ON = re.compile(r"[0-9][.,]?[A-Za-z!^(%]")
"""A number that goes on, as in 5e3, 5x, 5!: the library would read its beginning."""


def load():  # type: ignore[no-untyped-def]
    """Import the library; returns what answers."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
    from sympy import Number

    forms = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]

    def number(text):  # type: ignore[no-untyped-def]
        if GOES_ON.search(next(iter(reversed(WORD.findall(text))), "")):
            raise ValueError("its last number goes on with something else")
        found = parse(text, extraction_config=forms, parsing_timeout=None)
        if not found or not isinstance(found[0], Number) or set(found[1]) & set("/\\"):
            raise ValueError("its last expression is no plain number: to repeat the question is no answer")
        return found[0]

    def answer(asked):  # type: ignore[no-untyped-def]
        return score_in_child(lambda: verify(number(asked["answer"]), number(asked["reply"]), timeout_seconds=None))

    return answer


if __name__ == "__main__":
    serve(load)
