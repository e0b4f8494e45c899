"""One program, however a model fences it; and no reply takes longer to read than it is long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grail.environments.fences import program_of
from grail.environments.python_programs import PythonPrograms, PythonPrograms1
from grail.protocol.hashing import keccak256

A = "x = list(map(int, input().split()))\nprint(max(x))"
FORMS = {
    "bare": A,
    "named": f"```python\n{A}\n```",
    "capital": f"```Python\n{A}\n```",
    "python3": f"```python3\n{A}\n```",
    "py3, spaces": f"```  py3  \n{A}\n```",
    "unnamed": f"```\n{A}\n```",
    "tildes": f"~~~python\n{A}\n~~~",
    "info string": f"```python title=a.py\n{A}\n```",
    "four ticks": f"````python\n{A}\n````",
    "longer end": f"```python\n{A}\n`````",
    "indented fence": f"  ```python\n{A}\n  ```",
    "unclosed": f"Here:\n```python\n{A}",
    "text around": f"Sure.\n```python\n{A}\n```\nDone.",
    "windows": f"```python\r\n{A}\r\n```\r\n".replace("\n", "\r\n").replace("\r\r", "\r"),
    "output after": f"```python\n{A}\n```\nIt prints:\n```\n3\n```\n```text\n4\n```",
    "other language first": f"```bash\npip install x\n```\n```py\n{A}\n```",
    "ticks inside tildes": f"~~~python\n{A}\n~~~\n",
    "a draft first": f"```python\nprint(0)\n```\nBetter:\n```python\n{A}\n```",
    "thoughts": f"<think>maybe ```python\nprint(0)\n``` no</think>\n```python\n{A}\n```",
    "thoughts, then bare": f"<think>easy</think>\n{A}",
    "another language's name": f"```code\n{A}\n```",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_program_is_found(form):
    assert program_of(FORMS[form]).strip("\n") == A


@pytest.mark.parametrize("text", ["```print(1)```", "Use ```x``` here:\n```print(1)```", "```\nprint(1)"])
def test_one_line(text):
    assert program_of(text).strip() == "print(1)"


def test_a_fence_inside_a_longer_one_is_text():
    assert program_of("````\nprint('''\n```\n''')\n````") == "print('''\n```\n''')"


@pytest.mark.parametrize(
    "text", [" " * 200_000 + "`", "```" + " " * 200_000 + "`", "```\n" * 50_000, "`" * 200_000, "~~~`" * 50_000]
)
@pytest.mark.timeout(30)
def test_no_reply_takes_longer_than_it_is_long(text):
    """Quadratic would be minutes."""
    assert len(program_of(text)) <= len(text)


@given(st.text(alphabet="`~ \npython<>/think", max_size=200))
def test_any_reply_has_a_program(text):
    assert isinstance(program_of(text), str)


def test_the_first_version_stays_what_it_was():
    """Its grades are in old leaves, for ever."""
    first, second = PythonPrograms1(), PythonPrograms()
    assert (first.id, second.id) == ("python/1", "python/2")
    key = keccak256(b"x")
    assert first.problem(key) == second.problem(key)
    assert first.program(f"```python\n{A}\n```\n") == A + "\n"
    assert first.program(f"```Python\n{A}\n```") != A and first.program(f"~~~\n{A}\n~~~") == f"~~~\n{A}\n~~~"
