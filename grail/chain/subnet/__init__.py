"""Subnet: typed calls of our contracts over any Chain. What a role needs to know of the network, it asks here."""

from grail.chain.subnet.alpha import Alpha
from grail.chain.subnet.justice import Justice
from grail.chain.subnet.money import Money
from grail.chain.subnet.neurons import Neurons
from grail.chain.subnet.votes import Votes
from grail.chain.subnet.windows import EnvironmentMix
from grail.chain.subnet.work import Work, abi_leaf

__all__ = ["EnvironmentMix", "Subnet", "abi_leaf"]


class Subnet(Work, Money, Justice, Votes, Neurons, Alpha):
    """One network. What can no longer change is remembered."""
