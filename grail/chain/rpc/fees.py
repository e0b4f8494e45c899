"""What a transaction offers: EIP-1559 where the chain has it, else a gas price; never more than the owner allows."""

from dataclasses import dataclass

from web3 import Web3

from grail.chain.rpc.blocks import read_block

TIP_WEI = 10**9
MIN_BUMP = (9, 8)
"""Nodes replace a waiting transaction only where it offers a tenth more (geth), or an eighth (others)."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Wei for each unit of gas. `tip` None: a chain without EIP-1559, where `most` is the gas price."""

    most: int
    tip: int | None

    def fields(self) -> dict[str, int]:
        """As a transaction says it."""
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}

    def bumped(self, market: "Fee", cap: int | None) -> "Fee | None":
        """What replaces this: an eighth more at least, the market's fee where that is more; None above the cap."""
        more, of = MIN_BUMP
        most = max(market.most, -(-self.most * more // of))
        if cap is not None and most > cap:
            return None
        if self.tip is None:
            return Fee(most, None)
        return Fee(most, min(most, max(market.tip or 0, -(-self.tip * more // of))))


def market_fee(web3: Web3, cap: int | None) -> Fee:
    """What gets a transaction into the next blocks, though the base fee doubles; at most `cap`."""
    head = read_block(web3, "latest")
    base = None if head is None else head.base_fee
    if base is None:
        price = web3.eth.gas_price
        return Fee(price if cap is None else min(price, cap), None)
    most = 2 * base + TIP_WEI
    most = most if cap is None else min(most, cap)
    return Fee(most, min(TIP_WEI, most))


def shown_fee(fee: Fee) -> str:
    """In gwei, for people."""
    return f"{fee.most / 10**9:.3g} gwei"
