"""Files that people keep, damaged in every way: one line that names the file, no other exception."""

import json

import pytest

from grail.chain.accounts import create_keystore, load_keystore
from grail.chain.address_book import AddressBook
from grail.chain.plan_file import load_plan, load_state
from grail.config import KeySettings, Settings, load_settings, read_password
from grail.errors import SettingsError
from neurons.wiring import keystore_address

KDF = {"dklen": 32, "n": 2, "p": 1, "r": 8, "salt": "00" * 32}
CRYPTO = {
    "cipher": "aes-128-ctr", "ciphertext": "00" * 32, "cipherparams": {"iv": "00" * 16}, "kdf": "scrypt",
    "kdfparams": KDF, "mac": "00" * 32,
}  # fmt: skip
KEYSTORE = {"version": 3, "id": "x", "address": "ab" * 20, "crypto": CRYPTO}


def keystore(**changes):
    return json.dumps(KEYSTORE | changes).encode()


def kdf(**changes):
    return keystore(crypto=CRYPTO | {"kdfparams": KDF | changes})


DAMAGED = {
    "binary": bytes(range(256)),
    "utf-16": '{"version": 3}'.encode("utf-16"),
    "list": b"[]",
    "null": b"null",
    "number": b"7",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "large": b" " * (2 << 20),
    "truncated": keystore()[:100],
    "version 1": keystore(version=1),
    "version in words": keystore(version="3"),
    "without crypto": b'{"version": 3}',
    "crypto a list": keystore(crypto=[]),
    "another kdf": keystore(crypto=CRYPTO | {"kdf": "x"}),
    "kdf of terabytes": kdf(n=1 << 40),
    "kdf of gigabytes": kdf(n=1 << 20, r=64),
    "kdf of words": kdf(n="2", salt="zz"),
    "twice a name": b'{"version": 3, "version": 1}',
    "another password": keystore(),
}


def password_of(path):
    return read_password(Settings(key=KeySettings(password_file=path)))


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("read", [lambda path: load_keystore(path, "pw"), AddressBook.load, load_state, load_plan])
def test_damaged_files_are_one_line_with_the_files_name(tmp_path, read, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(SettingsError) as error:
        read(path)
    assert "file" in str(error.value) and len(str(error.value).splitlines()) == 1
    assert keystore_address(path) in (None, b"\xab" * 20)


@pytest.mark.parametrize("name", ["binary", "utf-16", "deep lists", "large"])
@pytest.mark.parametrize("read", [password_of, load_settings])
def test_settings_and_passwords_are_text(tmp_path, read, name):
    path = tmp_path / "file"
    path.write_bytes(DAMAGED[name])
    with pytest.raises(SettingsError, match="file"):
        read(path)


@pytest.mark.parametrize(
    "text",
    ["chain = 3", "[work]\ngroups = 'x'", "[work.x]\n", "[[chain]]", "[work]\ngroups = -1", "[work]\ngroups = 1.5",
     "[work]\nfolder = 1979-05-27", "a = " + "[" * 5_000 + "]" * 5_000, "[chain]\nurls = {}"],
)  # fmt: skip
def test_settings_of_another_type_name_key_and_file(tmp_path, text):
    path = tmp_path / "node.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"node\.toml"):
        load_settings(path)


def test_what_windows_editors_write_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbf[work]\r\ngroups = 7\r\n")
    assert load_settings(path).work.groups == 7
    path.write_bytes(b"\xef\xbb\xbfa password\r\n")
    assert password_of(path) == "a password"
    path.write_bytes(b"\r\n")
    with pytest.raises(SettingsError, match="empty"):
        password_of(path)


def test_folders_in_the_place_of_files(tmp_path):
    for read in (load_settings, load_plan, lambda path: load_keystore(path, "x"), AddressBook.load, password_of):
        with pytest.raises(SettingsError, match="Is a directory"):
            read(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="could not write a keystore"):
        create_keystore(tmp_path / "file" / "keystore.json", "x")
