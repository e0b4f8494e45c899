"""The chain as the rest of Grail sees it. `open_chain(url)`: embedded://PATH or http(s)://NODE.

Knows contracts, accounts, transactions, events; knows no models and no roles. web3 and py-evm live here alone.
"""

from grail.chain.base import Chain
from grail.errors import SettingsError


def open_chain(url: str, *, expected_chain_id: int | None = None) -> Chain:
    """A chain by URL. Raises WrongChain when the node serves another chain id than expected."""
    if url.startswith(("http://", "https://")):
        from grail.chain.jsonrpc import JsonRpcChain

        return JsonRpcChain.connect(url, expected_chain_id=expected_chain_id)
    raise SettingsError(f"expected a chain URL http://… or https://…, got {url!r}")
