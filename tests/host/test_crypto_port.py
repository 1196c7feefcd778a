"""The crypto port and the vault on stand-ins for `cryptolib` and `esp32.NVS`; and the plain ones
of the shared tests beside what they stand for."""

import importlib
import random
import sys
from unittest import mock

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from plain_crypto import PlainCrypto
from plain_vault import PlainVault

from boards.virtual.nor import PowerCut
from drivers.vault import Vault
from meter.errors import MeterError
from meter.security import cipher

NOT_FOUND, INVALID_LENGTH, NO_SPACE, NOT_INITIALIZED = 0x1102, 0x110C, 0x1105, 0x1101


class Aes:
    """`cryptolib.aes` of the chip, in ECB."""

    def __init__(self, key, mode):
        assert mode == 1
        self._encryptor = Cipher(algorithms.AES(bytes(key)), modes.ECB()).encryptor()

    def encrypt(self, block):
        return self._encryptor.update(bytes(block))


@pytest.fixture
def port():
    with mock.patch.dict(sys.modules, cryptolib=mock.Mock(aes=Aes)):
        sys.modules.pop("drivers.crypto_port", None)
        yield importlib.import_module("drivers.crypto_port").Crypto()
        del sys.modules["drivers.crypto_port"]


def test_aes_is_the_chip_s(port):
    """FIPS 197, C.1"""
    ecb = port.aes_ecb(bytes(range(16)))
    found = ecb.encrypt(bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert found.hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


@pytest.mark.parametrize("size", [0, 15, 24, 32])
def test_a_key_of_another_length_is_our_bug(port, size):
    with pytest.raises(AssertionError):
        port.aes_ecb(bytes(size))


def test_random_is_the_system_s_and_fails_with_it(port):
    with mock.patch("os.urandom", return_value=b"seven b") as urandom:
        assert port.random(7) == b"seven b"
    urandom.assert_called_once_with(7)
    with mock.patch("os.urandom", side_effect=OSError(5)), pytest.raises(OSError, match="5"):
        port.random(7)


def test_no_cryptolib_no_port():
    with mock.patch.dict(sys.modules, cryptolib=None):
        sys.modules.pop("drivers.crypto_port", None)
        with pytest.raises(ImportError):
            importlib.import_module("drivers.crypto_port")


def test_counter_mode_is_openssl_s(port):
    draw = random.Random(38)
    for size in (*range(70), 512, 1024, 5000):
        key, iv, data = draw.randbytes(16), draw.randbytes(12), draw.randbytes(size)
        wanted = Cipher(algorithms.AES(key), modes.CTR(iv + bytes(4))).encryptor().update(data)
        for crypto in (port, PlainCrypto()) if size < 100 else (port,):
            buf = bytearray(data)
            cipher.ctr(crypto.aes_ecb(key), iv, buf)
            assert buf == wanted


def test_the_plain_blocks_are_openssl_s():
    draw = random.Random(197)
    for _ in range(300):
        key, block = draw.randbytes(16), draw.randbytes(16)
        assert PlainCrypto().aes_ecb(key).encrypt(block) == Aes(key, 1).encrypt(block)


class Nvs:
    """esp32.NVS: what is set counts after commit. fails: {method name: esp_err_t}; root: of the
    files"""

    def __init__(self, root):
        self.kept, self._set, self.fails, self.opened = {}, {}, {}, 0
        self.root = root

    def open(self, name):
        assert name == "wl"
        self._act("open")
        self.opened += 1
        return self

    def get_blob(self, key, buf):
        self._act("get_blob")
        if key not in self.kept:
            raise OSError(-NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        data = self.kept[key]
        if len(data) > len(buf):
            raise OSError(-INVALID_LENGTH, "ESP_ERR_NVS_INVALID_LENGTH")
        buf[: len(data)] = data
        return len(data)

    def set_blob(self, key, data):
        self._act("set_blob")
        self._set[key] = bytes(data)

    def commit(self):
        self._act("commit")
        self.kept.update(self._set)

    def _act(self, name):
        if name in self.fails:
            raise OSError(-self.fails[name], "ESP_ERR")


@pytest.fixture
def nvs(tmp_path):
    return Nvs(str(tmp_path))


def test_vault_keeps_what_is_stored(nvs):
    vault = Vault(nvs.open, nvs.root)
    assert vault.load("keys") is None
    for data in (b"first", b"second, longer", b"", bytes(512)):
        vault.store("keys", data)
        assert vault.load("keys") == nvs.kept["keys"] == data
        assert Vault(nvs.open, nvs.root).load("keys") == data
    assert vault.load("seal") is None


def test_vault_opens_one_handle_and_only_when_it_is_needed(nvs):
    vault = Vault(nvs.open, nvs.root)
    assert nvs.opened == 0
    for name in ("keys", "seal", "counters"):
        vault.store(name, b"x")
        vault.load(name)
    assert nvs.opened == 1


@pytest.mark.parametrize("method", ["open", "get_blob"])
@pytest.mark.parametrize("code", [NOT_INITIALIZED, INVALID_LENGTH])
def test_what_cannot_be_read_is_no_nothing(nvs, method, code):
    nvs.fails = {method: code}
    with pytest.raises(MeterError, match="vault: seal not read"):
        Vault(nvs.open, nvs.root).load("seal")


def test_what_is_too_long_cannot_be_read(nvs):
    nvs.kept["seal"] = bytes(513)
    with pytest.raises(MeterError, match="vault: seal not read"):
        Vault(nvs.open, nvs.root).load("seal")


@pytest.mark.parametrize("method", ["open", "set_blob", "commit"])
def test_a_store_that_fails_says_so(nvs, method):
    nvs.fails = {method: NO_SPACE}
    with pytest.raises(MeterError, match=r"vault: seal not stored.*try again"):
        Vault(nvs.open, nvs.root).store("seal", b"\1")
    nvs.fails = {}
    vault = Vault(nvs.open, nvs.root)
    vault.store("seal", b"\2")
    assert vault.load("seal") == b"\2"


def test_a_handle_that_could_not_be_opened_is_tried_again(nvs):
    nvs.fails = {"open": NOT_INITIALIZED}
    vault = Vault(nvs.open, nvs.root)
    with pytest.raises(MeterError):
        vault.load("seal")
    nvs.fails = {}
    assert vault.load("seal") is None


def test_what_reads_back_otherwise_is_not_stored(nvs):
    with mock.patch.object(nvs, "set_blob"), pytest.raises(MeterError, match="read back another"):
        Vault(nvs.open, nvs.root).store("seal", bytes(12))


def test_too_much_for_the_vault_is_our_bug(nvs):
    for vault in (Vault(nvs.open, nvs.root), PlainVault()):
        with pytest.raises(AssertionError):
            vault.store("seal", bytes(513))


@pytest.mark.parametrize("kept", [False, True])
def test_the_plain_vault_is_cut_at_the_n_th_store(kept):
    for cut in range(4):
        vault = PlainVault({"a": b"0"})
        vault.store("a", b"1")
        vault.cut_after(cut, kept)
        for i in range(cut):
            vault.store("a", b"%d" % (i + 2))
        with pytest.raises(PowerCut):
            vault.store("a", b"new")
        for act in (lambda: vault.load("a"), lambda: vault.store("a", b"later")):  # noqa: B023
            with pytest.raises(PowerCut):
                act()
        again = PlainVault(vault.held)
        assert again.load("a") == (b"new" if kept else b"%d" % (cut + 1))
        assert again.load("b") is None
        again.store("b", b"works")
