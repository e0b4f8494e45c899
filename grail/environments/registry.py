"""Id → Environment: the built-in ones, and those that installed packages offer under `grail.environments`."""

from collections.abc import Iterable
from importlib.metadata import entry_points

from grail.environments.arithmetic import Arithmetic
from grail.environments.base import Environment
from grail.errors import SettingsError
from grail.protocol.leaf import environment_digest
from grail.protocol.units import Digest

ENTRY_POINTS = "grail.environments"
BUILT_IN: tuple[type[Environment], ...] = (Arithmetic,)


class Environments:
    """The environments that this machine knows, by the digest that leaves and the chain use."""

    def __init__(self, known: Iterable[Environment]) -> None:
        self._by_digest = {environment_digest(environment.id): environment for environment in known}

    @classmethod
    def installed(cls) -> "Environments":
        """Built-in environments plus every installed entry point."""
        plugins = [point.load()() for point in entry_points(group=ENTRY_POINTS)]
        return cls([kind() for kind in BUILT_IN] + plugins)

    def by_digest(self, digest: Digest) -> Environment:
        """Raises SettingsError when the network mandates an environment that is not installed here."""
        if digest not in self._by_digest:
            raise SettingsError(
                f"the network uses an environment that is not installed here (digest {digest.hex()}); known are "
                f"{', '.join(self.ids)}: install the package that offers it"
            )
        return self._by_digest[digest]

    def by_id(self, environment_id: str) -> Environment:
        """Raises SettingsError for an unknown id."""
        if environment_digest(environment_id) not in self._by_digest:
            raise SettingsError(f"expected an environment among {', '.join(self.ids)}, got {environment_id!r}")
        return self._by_digest[environment_digest(environment_id)]

    @property
    def ids(self) -> list[str]:
        """All known ids."""
        return sorted(environment.id for environment in self._by_digest.values())
