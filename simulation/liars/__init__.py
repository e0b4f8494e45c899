"""Who lies about money in a local network: attackers besides the cheating miners."""

from simulation.liars.base import Liar
from simulation.liars.dust import DustSwarm
from simulation.liars.proposing import LyingProposer
from simulation.liars.self_convict import SelfConvict

KINDS: dict[str, type[Liar]] = {kind.kind: kind for kind in (SelfConvict, DustSwarm, LyingProposer)}

__all__ = ["KINDS", "Liar"]
