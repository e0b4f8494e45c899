"""Libraries whose version is part of the protocol: their problems and grades have to be the same everywhere."""

from importlib.metadata import PackageNotFoundError, version

from grail.errors import Unavailable


def require_version(package: str, wanted: str, cure: str) -> None:
    """Raises Unavailable where the package is missing, or another version; `cure`: what to type."""
    try:
        found = version(package)
    except PackageNotFoundError as error:
        raise Unavailable(f"{package} is not installed: {cure}") from error
    if found != wanted:
        raise Unavailable(f"expected {package} {wanted}, got {found}: {cure}")


ENVS = "pip install 'grail-network[envs]'"
"""The cure for what the project's own environments need."""
