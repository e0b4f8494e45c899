"""The duty that looks a window ahead: what the next one will ask for is fetched, or its lack is said in time."""

from grail.chain.subnet import Subnet
from grail.environments.registry import Environments
from grail.errors import BadCheckpoint, GrailError, SettingsError, StorageError
from grail.proofs.sketch import SCHEME
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node


def unknown_to(subnet: Subnet, environments: Environments) -> list[str]:
    """What the next window asks for and this installation does not know, in words: rules, environments, proofs.

    By what holds on chain now: only a vote that is carried out, or a version that is published, in what is left of this
    window changes it.
    """
    found: list[str] = []
    try:
        subnet.latest_policy()
    except SettingsError as error:
        found.append(str(error))
    mix = subnet.latest_environments()
    for environment_id in mix.ids:
        try:
            environments.by_id(environment_id)
        except GrailError as error:
            found.append(f"environment {environment_id}: {error}")
    version = subnet.latest_version()
    scheme = subnet.checkpoint(version).proof_scheme if version else SCHEME
    if scheme != SCHEME:
        found.append(f"version {version} is proven by {scheme}, which is not known here: update Grail")
    return found


class Ahead:
    """At the end of every window, until nothing is lacking; the newest version is fetched, so that no window begins
    with a download. A node that lacks something goes on trying, and commits to nothing that it cannot know.
    """

    name = "ahead"
    reads_only = True

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told: set[str] = set()

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the newest window, once its own work is done."""
        return schedule.window_of(block) == window and block > schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Look and fetch; None while something is lacking."""
        node, subnet = self._node, self._node.subnet
        lacking = unknown_to(subnet, node.environments)
        version = subnet.latest_version()
        if version and not lacking:
            try:
                node.checkpoints.fetch(subnet.checkpoint(version))
            except (BadCheckpoint, StorageError) as error:
                lacking.append(f"version {version}: {error}")
        node.meters.note(node.name, self.name, window, {"lacking": len(lacking)})
        for text in lacking:
            if text not in self._told:
                node.log.error(text, neuron=node.name, lacking_for=window + 1)
        self._told = set(lacking)
        return None if lacking else {"version": version}
