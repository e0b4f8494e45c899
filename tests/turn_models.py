"""The packaged model of sums with rules for several turns, for tests of what needs no skill in them."""

import json
import shutil
from pathlib import Path

from grail.checkpoints.files import RULES, Checkpoint, open_checkpoint
from grail.models.library import packaged_folder

EOS, SPACE = 18, 16


def with_turns(folder: Path, *, max_tokens: int = 18, max_turn_tokens: int = 3, **rules: object) -> Checkpoint:
    """A copy in `folder`: it has never seen a dialogue, but it samples one."""
    made = shutil.copytree(packaged_folder(), folder)
    turn = {"close": [EOS], "before": [], "after": [SPACE], "max_turn_tokens": max_turn_tokens}
    told = json.loads((made / RULES).read_text()) | {"max_tokens": max_tokens, "turn": turn} | rules
    (made / RULES).write_text(json.dumps(told))
    return open_checkpoint(made)
