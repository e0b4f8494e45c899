"""Id → Environment: the built-in ones, those that installed packages offer under `grail.environments`, and families.

A family makes environments from ids such as `reasoning_gym:chain_sum?max_terms=3` or `bisect/1?highest=99`: what stands
before the first colon or question mark names it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points

from grail.environments.arithmetic import Arithmetic
from grail.environments.base import Environment
from grail.environments.bisect import NAME as BISECT
from grail.environments.bisect import Bisect
from grail.environments.mastermind import NAME as MASTERMIND
from grail.environments.mastermind import Mastermind
from grail.environments.python_programs import PythonPrograms, PythonPrograms1
from grail.environments.reasoning_gym import FAMILY, ReasoningGym
from grail.environments.verifiers_tasks import FAMILY as VERIFIERS
from grail.environments.verifiers_tasks import VerifiersTasks
from grail.errors import SettingsError
from grail.protocol.leaf import environment_digest
from grail.protocol.units import Digest

ENTRY_POINTS = "grail.environments"
FAMILIES: Mapping[str, Callable[[str], Environment]] = {
    FAMILY: ReasoningGym,
    VERIFIERS: VerifiersTasks,
    BISECT: Bisect,
    MASTERMIND: Mastermind,
}
BUILT_IN: tuple[type[Environment], ...] = (Arithmetic, Bisect, Mastermind, PythonPrograms, PythonPrograms1)


class Environments:
    """The environments that this machine knows, by the digest that leaves and the chain use."""

    def __init__(self, known: Iterable[Environment]) -> None:
        self._by_digest = {environment_digest(environment.id): environment for environment in known}

    @classmethod
    def installed(cls) -> "Environments":
        """Built-in environments plus every installed entry point."""
        plugins = [point.load()() for point in entry_points(group=ENTRY_POINTS)]
        return cls([kind() for kind in BUILT_IN] + plugins)

    def learn(self, ids: Iterable[str]) -> None:
        """Make the environments of families that a network's mix names; other ids are left to the packages."""
        for environment_id in ids:
            family = FAMILIES.get(re.split("[:?]", environment_id, maxsplit=1)[0])
            digest = environment_digest(environment_id)
            if family is not None and digest not in self._by_digest:
                self._by_digest[digest] = family(environment_id)

    def by_digest(self, digest: Digest) -> Environment:
        """Raises SettingsError when the network mandates an environment that is not installed here."""
        if digest not in self._by_digest:
            raise SettingsError(
                f"the network uses an environment that is not installed here (digest {digest.hex()}); known are "
                f"{', '.join(self.ids)}: install the package that offers it"
            )
        return self._by_digest[digest]

    def by_id(self, environment_id: str) -> Environment:
        """Raises SettingsError for an unknown id, or one that its family refuses."""
        self.learn([environment_id])
        if environment_digest(environment_id) not in self._by_digest:
            raise SettingsError(
                f"expected an environment among {', '.join(self.ids)}, or of the families {', '.join(FAMILIES)}; "
                f"got {environment_id!r}"
            )
        return self._by_digest[environment_digest(environment_id)]

    @property
    def ids(self) -> list[str]:
        """All known ids."""
        return sorted(environment.id for environment in self._by_digest.values())
