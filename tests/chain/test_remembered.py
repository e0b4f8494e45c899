"""A node that runs for years does not grow with the chain."""

from grail.chain.subnet.remembered import Remembered


def test_the_newest_are_kept_and_what_was_forgotten_is_asked_for_again():
    found: Remembered[int, str] = Remembered(3)
    for window in range(10):
        found[window] = str(window)
    assert list(found) == [7, 8, 9]
    found[8] = "again"
    assert found == {7: "7", 8: "again", 9: "9"}
    found.clear()
    assert not found and 7 not in found
