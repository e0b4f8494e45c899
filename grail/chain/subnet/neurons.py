"""Neurons: who they are, what is staked on them, balances."""

from grail.chain.accounts import Signer
from grail.chain.base import Receipt
from grail.chain.contract import Contract
from grail.chain.subnet.windows import PAGE, Windows
from grail.protocol.records import NeuronRecord, Rest, Role, Succession
from grail.protocol.units import Address, Wei, WindowId


class Neurons(Windows):
    """NeuronRegistry, StakeVault, GrailToken."""

    def neuron(self, address: Address) -> NeuronRecord:
        """One neuron; role NONE when it never registered."""
        registry, vault = self.contracts["NeuronRegistry"], self.contracts["StakeVault"]
        raw = registry.call("neuronOf", address)
        return NeuronRecord(
            address=address,
            role=Role(raw["role"]),
            stake=Wei(vault.call("stakeOf", address)),
            unbonding=Wei(vault.call("unbondingOf", address)),
            jailed=raw["jailed"],
            endpoint=raw["endpoint"],
        )

    def members(self) -> list[Address]:
        """Every address that ever registered."""
        registry = self.contracts["NeuronRegistry"]
        count = registry.call("memberCount")
        return [a for first in range(0, count, PAGE) for a in registry.call("membersFrom", first, PAGE)]

    def worker_of(self, hotkey: Address) -> Address | None:
        """The neuron that a key works for; None when there is none."""
        found = self.contracts["NeuronRegistry"].call("workerOf", hotkey)
        return found if any(found) else None

    def hotkey_of(self, neuron: Address) -> Address:
        """The key that works for a neuron now."""
        return self.contracts["NeuronRegistry"].call("hotkeyOf", neuron)

    def commission_of(self, neuron: Address) -> int:
        """Part of delegators' rewards that a neuron keeps, in basis points."""
        return self.contracts["StakeVault"].call("commissionOf", neuron)

    def register(
        self, signer: Signer, role: Role, endpoint: str, stake: int, *, commission_bps: int = 1_000
    ) -> Receipt:
        """Join with a role and a first own stake (wei); approves the vault where that is missing."""
        self._allow(signer, self.contracts["StakeVault"].address, stake)
        return self.contracts["NeuronRegistry"].send(signer, "register", int(role), endpoint, commission_bps, stake)

    def endpoint_of(self, neuron: Address) -> str:
        """What a neuron has registered of where its objects are read."""
        return self.contracts["NeuronRegistry"].call("neuronOf", neuron)["endpoint"]

    def hotkey_named(self, neuron: Address) -> bytes | None:
        """The hotkey of Bittensor (32 bytes) that a neuron has named as its own."""
        found = bytes(self.contracts["NeuronRegistry"].call("neuronOf", neuron)["ss58"])
        return found if any(found) else None

    def name_hotkey(self, signer: Signer, key: bytes) -> Receipt:
        """Name the signer's hotkey of Bittensor, 32 bytes."""
        return self.contracts["NeuronRegistry"].send(signer, "setSs58", key)

    def set_endpoint(self, signer: Signer, endpoint: str) -> Receipt:
        """Say where others read the signer's objects."""
        return self.contracts["NeuronRegistry"].send(signer, "setEndpoint", endpoint)

    def is_active(self, address: Address, role: Role) -> bool:
        """May this neuron work in this role now?"""
        return self.contracts["NeuronRegistry"].call("isActive", address, int(role))

    def propose_hotkey(self, owner: Signer, hotkey: Address) -> Receipt:
        """Name the key that is to work for the owner's neuron."""
        return self.contracts["NeuronRegistry"].send(owner, "proposeHotkey", hotkey)

    def accept_hotkey(self, hotkey: Signer, neuron: Address) -> Receipt:
        """Take over as a neuron's hotkey."""
        return self.contracts["NeuronRegistry"].send(hotkey, "acceptHotkey", neuron)

    def stake(self, signer: Signer, neuron: Address, amount: int) -> Receipt:
        """Stake on a neuron, one's own or another's (wei)."""
        self._allow(signer, self.contracts["StakeVault"].address, amount)
        return self.contracts["StakeVault"].send(signer, "stake", neuron, amount)

    def request_unstake(self, signer: Signer, neuron: Address, amount: int) -> Receipt:
        """Ask stake back (wei)."""
        return self.contracts["StakeVault"].send(signer, "requestUnstake", neuron, amount)

    def active_validators(self) -> dict[Address, Wei]:
        """Validators with a place in the active set, and what their stake counts for (wei)."""
        who, stakes = self.contracts["ValidatorSet"].call("members")
        return {validator: Wei(stake) for validator, stake in zip(who, stakes, strict=True)}

    def is_seated(self, validator: Address) -> bool:
        """Has this validator a place in the active set?"""
        return self.contracts["ValidatorSet"].call("isSeated", validator)

    def sit(self, signer: Signer, validator: Address) -> Receipt:
        """Give a validator a place in the active set: a free one, or that of the smallest, which must be smaller."""
        return self.contracts["ValidatorSet"].send(signer, "sit", validator)

    def rest_of(self, validator: Address) -> Rest:
        """Whether a validator rests, or has said that it will."""
        window, announced, taken = self.contracts["ValidatorSet"].call("restOf", validator)
        return Rest(WindowId(window), announced, taken)

    def announce_rest(self, signer: Signer) -> Receipt:
        """Say that the signer's validator leaves the set in the next window."""
        return self.contracts["ValidatorSet"].send(signer, "announceRest")

    def rest(self, signer: Signer, validator: Address) -> Receipt:
        """Take the place of a validator that has announced its rest for this window."""
        return self.contracts["ValidatorSet"].send(signer, "rest", validator)

    def end_rest(self, signer: Signer) -> Receipt:
        """Withdraw the signer's announcement, or end its rest."""
        return self.contracts["ValidatorSet"].send(signer, "endRest")

    def withdraw(self, signer: Signer) -> Receipt:
        """Take out what has finished unbonding."""
        return self.contracts["StakeVault"].send(signer, "withdraw")

    def collect(self, signer: Signer, neuron: Address) -> Receipt:
        """Take the rewards from delegating to a neuron."""
        return self.contracts["StakeVault"].send(signer, "collect", neuron)

    def collectable(self, neuron: Address, staker: Address) -> Wei:
        """Rewards that wait for a delegator, in wei."""
        return Wei(self.contracts["StakeVault"].call("collectable", neuron, staker))

    def position(self, neuron: Address, staker: Address) -> Wei:
        """What a staker has in a neuron's pool, in wei."""
        return Wei(self.contracts["StakeVault"].call("positionOf", neuron, staker))

    def balance(self, address: Address) -> Wei:
        """Token balance in wei."""
        return Wei(self._token.call("balanceOf", address))

    def predecessor(self) -> Succession | None:
        """The network's token that this one follows; None where it follows none."""
        before = self._token_before()
        if before is None:
            return None
        limit, exchanged = Wei(self._token.call("limit")), Wei(self._token.call("exchanged"))
        return Succession(before.address, limit, exchanged, Wei(before.call("totalSupply")))

    def balance_before(self, account: Address) -> Wei:
        """What an account still holds of the token that this network's follows, in wei."""
        before = self._token_before()
        return Wei(before.call("balanceOf", account) if before else 0)

    def exchange(self, signer: Signer, amount: int) -> Receipt:
        """Give tokens of the network before for as many of this one (wei)."""
        before = self._token_before()
        if before is not None and before.call("allowance", signer.address, self._token.address) < amount:
            before.send(signer, "approve", self._token.address, amount)
        return self._token.send(signer, "exchange", amount)

    def _token_before(self) -> Contract | None:
        token = self._token.call("predecessor")
        return Contract(self.chain, "GrailToken", token) if any(token) else None

    def transfer(self, signer: Signer, to: Address, amount: int) -> Receipt:
        """Send tokens (wei)."""
        return self._token.send(signer, "transfer", to, amount)
