"""The environment that docs/environments.md shows is one: it runs, and passes the conformance kit."""

import re
from pathlib import Path

from grail.testing.environment import check_environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "environments.md"


def test_the_worked_example_conforms():
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None and code[1].count("\n") <= 40
    namespace: dict = {}
    exec(code[1], namespace)
    environment = namespace["ReverseWord"]()
    check_environment(environment)
    problem = environment.problem(bytes(32))
    assert problem.prompt == f"reverse {problem.answer[::-1]}: "
