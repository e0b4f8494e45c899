"""Alpha of a Bittensor subnet as weight in the active set: hotkeys bound to validators, and what was read of theirs."""

from grail.chain.accounts import Signer
from grail.chain.base import Receipt
from grail.chain.subnet.windows import Windows
from grail.protocol.records import AlphaReading
from grail.protocol.units import Address, BlockNumber, Digest, Wei


class Alpha(Windows):
    """ValidatorSet, the half that is MetagraphStake."""

    _netuid: int | None = None

    @property
    def alpha_netuid(self) -> int:
        """The subnet whose alpha may count; 0 for none."""
        if self._netuid is None:
            self._netuid = int(self.contracts["ValidatorSet"].call("netuid"))
        return self._netuid

    def hotkey_binding(self, validator: Address, hotkey: bytes) -> Digest:
        """What a hotkey (32 bytes) signs to bind itself to a validator: good once."""
        return self.contracts["ValidatorSet"].call("bindingOf", validator, hotkey)

    def bind_hotkey(self, signer: Signer, hotkey: bytes, signature: bytes) -> Receipt:
        """Bind a hotkey to the signer's validator by the hotkey's signature (64 bytes, sr25519) of its binding."""
        return self.contracts["ValidatorSet"].send(signer, "bindHotkey", hotkey, signature[:32], signature[32:])

    def alpha_reading(self, validator: Address) -> AlphaReading:
        """What the contract knows of a validator's alpha."""
        raw = self.contracts["ValidatorSet"].call("readingOf", validator)
        return AlphaReading(raw["hotkey"], raw["counted"], raw["least"], BlockNumber(raw["readAt"]))

    def alpha_of(self, validator: Address) -> int:
        """What a reading would find now, in 1e-18 alpha."""
        return self.contracts["ValidatorSet"].call("alphaOf", validator)

    def sync_alpha(self, signer: Signer, validator: Address) -> Receipt:
        """Read a validator's alpha; anyone may."""
        return self.contracts["ValidatorSet"].send(signer, "syncStake", validator)

    def weight_due(self, validator: Address) -> Wei:
        """What an active validator would count with if it were weighed now, in wei."""
        standing = self.contracts["StakeVault"].call("standingStake", validator)
        return Wei(self.contracts["ValidatorSet"].call("weightOf", validator, standing))

    def reweigh(self, signer: Signer, validator: Address) -> Receipt:
        """Weigh an active validator again; anyone may."""
        return self.contracts["ValidatorSet"].send(signer, "reweigh", validator)
