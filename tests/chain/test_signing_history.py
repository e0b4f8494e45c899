"""What a key has stated is on disk before it signs, and nothing that contradicts it is signed after."""

import json
import os
from dataclasses import replace

import pytest
from eth_account.signers.base import BaseAccount
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.chain import signing_history as module
from grail.chain.accounts import Signer, recovered
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.signing_history import NOTHING, Scope, SigningHistory, Statement
from grail.chain.subnet import Subnet
from grail.errors import Contradiction, Reverted, SettingsError
from grail.protocol.hashing import keccak256
from grail.protocol.records import Commitment
from tests.chain.test_embedded import OWNER, PLAN

SCOPE = Scope(b"\1" * 20, 31_337, b"\2" * 20)
ONE, OTHER = keccak256(b"one"), keccak256(b"other")
BEACON, REPLACED = keccak256(b"beacon"), keccak256(b"replaced")


def scores(window: int, said: bytes, given_: bytes = BEACON) -> Statement:
    return Statement(f"scores of window {window}", window, said, given_)


def test_the_same_is_signed_again_and_another_is_not(tmp_path):
    history = SigningHistory(tmp_path / "signatures.jsonl")
    history.state(SCOPE, scores(7, ONE))
    history.state(SCOPE, scores(7, ONE))
    with pytest.raises(Contradiction, match="another scores of window 7 already"):
        history.state(SCOPE, scores(7, OTHER))
    history.state(SCOPE, scores(8, OTHER))
    assert len(history.path.read_text().splitlines()) == 2


def test_a_reorganisation_may_change_what_follows_from_it_but_not_what_holds_whatever_it_is(tmp_path):
    history = SigningHistory(tmp_path / "signatures.jsonl")
    history.state(SCOPE, scores(7, ONE, BEACON))
    history.state(SCOPE, scores(7, OTHER, REPLACED))
    with pytest.raises(Contradiction):
        history.state(SCOPE, scores(7, OTHER, b""))
    history.state(SCOPE, scores(8, ONE, b""))
    with pytest.raises(Contradiction):
        history.state(SCOPE, scores(8, OTHER, BEACON))


def test_keys_and_networks_do_not_meet(tmp_path):
    history = SigningHistory(tmp_path / "signatures.jsonl")
    for scope in (SCOPE, replace(SCOPE, key=b"\3" * 20), replace(SCOPE, chain_id=1), replace(SCOPE, ledger=b"\4" * 20)):
        history.state(scope, scores(7, keccak256(repr(scope).encode())))
    assert len(history.summary()) == 4


def test_it_is_on_the_disk_before_the_signature_is_made(tmp_path, monkeypatch):
    synced: list[str] = []
    real = os.fsync
    history = SigningHistory(tmp_path / "signatures.jsonl")
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(history.path.read_text()), real(handle)))
    history.state(SCOPE, scores(7, ONE))
    assert "scores of window 7" in synced[0]
    assert len(synced) == 2, "the file, and the folder that names it"


def test_a_disk_that_does_not_write_means_no_signature(tmp_path):
    history = SigningHistory(tmp_path / "gone" / "signatures.jsonl")
    for _ in range(2):
        with pytest.raises(SettingsError, match="nothing is signed without it"):
            history.state(SCOPE, scores(7, ONE))


@given(cut=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_a_torn_last_line_never_counted(tmp_path_factory, cut):
    """Power fails while a line is written: its signature was not made, and the lines before it stand."""
    path = tmp_path_factory.mktemp("torn") / "signatures.jsonl"
    history = SigningHistory(path)
    history.state(SCOPE, scores(7, ONE))
    first = path.stat().st_size
    history.state(SCOPE, scores(8, ONE))
    os.truncate(path, min(first + cut, path.stat().st_size))
    again = SigningHistory(path)
    assert again.knows(SCOPE, "scores of window 7")
    again.state(SCOPE, scores(8, ONE))
    with pytest.raises(Contradiction):
        SigningHistory(path).state(SCOPE, scores(8, OTHER))


def test_a_start_that_does_not_know_the_last_window_waits_out_the_current_one(tmp_path):
    history = SigningHistory(tmp_path / "signatures.jsonl")
    assert history.begin(SCOPE, 7) == 7
    with pytest.raises(Contradiction, match="window 8 is the first one again"):
        history.state(SCOPE, scores(7, ONE))
    history.state(SCOPE, scores(8, ONE))
    assert SigningHistory(history.path).begin(SCOPE, 9) is None, "a restart goes on"
    assert SigningHistory(history.path).begin(SCOPE, 10) == 10, "a backup of two windows ago does not"
    assert SigningHistory(history.path).begin(SCOPE, None) is None, "before the first window nothing can be known"


def test_to_pass_over_a_window_is_a_statement_too(tmp_path):
    history = SigningHistory(tmp_path / "signatures.jsonl")
    history.state(SCOPE, scores(7, NOTHING, b""))
    assert SigningHistory(history.path).begin(SCOPE, 8) is None
    with pytest.raises(Contradiction, match="passed over"):
        history.state(SCOPE, scores(7, ONE))


def test_another_machine_takes_over_what_this_one_knows(tmp_path):
    here, there = SigningHistory(tmp_path / "here.jsonl"), SigningHistory(tmp_path / "there.jsonl")
    here.state(SCOPE, scores(7, ONE))
    (tmp_path / "exported").write_text(here.export())
    assert there.add(tmp_path / "exported") == 1
    assert there.add(tmp_path / "exported") == 0
    assert there.begin(SCOPE, 8) is None
    with pytest.raises(Contradiction):
        there.state(SCOPE, scores(7, OTHER))


def test_the_file_stays_small_and_what_it_forgot_is_signed_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEEP_WINDOWS", 10)
    monkeypatch.setattr(module, "MOST_LINES", 40)
    history = SigningHistory(tmp_path / "signatures.jsonl")
    for window in range(200):
        history.state(SCOPE, scores(window, ONE))
        assert len(history.path.read_text().splitlines()) <= 41
    again = SigningHistory(history.path)
    with pytest.raises(Contradiction):
        again.state(SCOPE, scores(199, OTHER))
    with pytest.raises(Contradiction, match="nothing is known"):
        again.state(SCOPE, scores(20, OTHER))


LINE = {"key": "0x" + "01" * 20, "chain": 1, "ledger": "0x" + "02" * 20, "after": 6}
STATED = {**{k: v for k, v in LINE.items() if k != "after"}, "what": "scores of window 7", "window": 7} | {
    "said": "0x" + "03" * 32,
    "given": "0x",
}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        json.dumps(LINE | {"after": -1}),
        json.dumps(LINE | {"after": True}),
        json.dumps(LINE | {"after": 1.5}),
        json.dumps(LINE | {"key": "0x01"}),
        json.dumps(LINE | {"key": 5}),
        json.dumps(LINE | {"more": 1}),
        json.dumps(STATED | {"said": "0x"}),
        json.dumps(STATED | {"said": "zz" * 33}),
        json.dumps(STATED | {"what": "\x1b[2J"}),
        json.dumps(STATED | {"what": 7}),
        "[" * 500 + "]" * 500,
        "x" * 5_000,
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, line):
    path = tmp_path / "signatures.jsonl"
    path.write_text(json.dumps(STATED) + "\n" + line + "\n")
    with pytest.raises(SettingsError, match="signing history"):
        SigningHistory(path)


class Elsewhere(BaseAccount):
    """An account whose key is somewhere else: this one only asks."""

    def __init__(self, vault) -> None:
        self._vault = vault

    @property
    def address(self):
        return self._vault.address

    def sign_message(self, signable_message):
        return self._vault.sign_message(signable_message)

    def unsafe_sign_hash(self, message_hash):
        return self._vault.unsafe_sign_hash(message_hash)

    def sign_transaction(self, transaction_dict):
        return self._vault.sign_transaction(transaction_dict)


def test_a_remote_signer_fits_behind_the_same_door_and_is_held_to_the_same_history(tmp_path):
    key = Signer.from_key(b"\5" * 32)
    history = SigningHistory(tmp_path / "signatures.jsonl")
    remote = Signer(key.address, Elsewhere(key.account), history)
    assert remote.name == key.name
    assert remote.secret("text") == key.secret("text")
    assert recovered(ONE, remote.sign_hash(ONE)) == key.address
    chain = EmbeddedChain(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
    chain.send(OWNER, key.address, b"", 10**18)
    chain.mine(PLAN.schedule.genesis + 1 - chain.head().number)
    assert subnet.current_window() == 0
    entry = Commitment(
        window=0, miner=key.address, root=ONE, blob_digest=ONE, n_groups=1, checkpoint_version=1, worth=1
    )
    subnet.sign_commitment(remote, entry)
    for act in (subnet.sign_commitment, subnet.commit):
        with pytest.raises(Contradiction, match="another commitment of window 0"):
            act(remote, replace(entry, root=OTHER))
    with pytest.raises(Reverted):
        subnet.commit(remote, entry)  # the same is stated again: it is the contract that refuses a stranger
    assert subnet.begin_statements(Signer(key.address, key.account)) is None
