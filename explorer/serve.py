"""The web process: `python -m explorer.serve URL HOST PORT [NAME…]`. Is given a database, and knows nothing else."""

import sys

import uvicorn

from explorer.web import LOCAL, explorer_app
from grail.storage.database import Database


def main() -> None:
    """Serve until ended. The address of the database comes by standard input, where nobody lists it."""
    host, port, *names = sys.argv[1:]
    database = Database(sys.stdin.readline().strip(), reader=True)
    uvicorn.run(explorer_app(database, (*LOCAL, *names)), host=host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
