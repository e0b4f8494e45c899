"""python neurons/localnet.py: the same as `grail localnet`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from neurons.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "localnet")
    main()
