"""The chain as the rest of Grail sees it. `open_chain(url)`: embedded://PATH or http(s)://NODE.

Knows contracts, accounts, transactions, events; knows no models and no roles. web3 and py-evm live here alone.
"""

from collections.abc import Sequence

from grail.chain.base import Chain
from grail.errors import SettingsError
from grail.foreign.urls import shown


def open_chain(urls: str | Sequence[str], *, expected_chain_id: int | None = None, fee_cap: int | None = None) -> Chain:
    """A chain by the URL of its node, or of several. Raises WrongChain when it is another chain than expected.

    `fee_cap`: most wei for a unit of gas.
    """
    from grail.chain.jsonrpc import JsonRpcChain

    all_urls = [urls] if isinstance(urls, str) else list(urls)
    for url in all_urls:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"expected a chain URL http://… or https://…, got {shown(url)}")
    return JsonRpcChain.connect(all_urls, expected_chain_id=expected_chain_id, fee_cap=fee_cap)
