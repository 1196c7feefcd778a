"""The vault and the crypto port on the modules of the virtual board, and over a power cut."""

import textwrap

import pytest

from wattledger import bundle

VAULT = """
import esp32
from drivers.vault import Vault
vault = Vault(esp32.NVS)
"""


@pytest.fixture
def ready(board):
    """A board that runs, with the sources of the drivers."""
    for folder in ("drivers", "meter"):
        board.files.joinpath(folder).mkdir(parents=True)
        for path in (bundle.root() / "firmware" / folder).glob("*.py"):
            board.files.joinpath(folder, path.name).write_bytes(path.read_bytes())
    board.start(clock="real")
    return board


def run(board, code):
    return board.run(VAULT + textwrap.dedent(code))


def test_vault_survives_resets_and_power_cuts(ready):
    show = "keys = vault.load('keys'); print(vault.load('seal'), keys and len(keys))"
    assert run(ready, show) == "None None"
    run(ready, "vault.store('seal', b'1'); vault.store('keys', bytes(range(200)) * 2)")
    run(ready, "vault.store('seal', b'2')")
    ready.cut()
    ready.start(clock="real")
    assert run(ready, show) == "b'2' 400"
    ready.mpremote("soft-reset")
    assert run(ready, show) == "b'2' 400"
    assert run(ready, "print(vault.load('keys') == bytes(range(200)) * 2)") == "True"


def test_what_the_vault_cannot_read_is_an_error(ready):
    code = """
        nvs = esp32.NVS("wl")
        nvs.set_i32("seal", 1)
        nvs.commit()
        try:
            print(vault.load("seal"))
        except Exception as error:
            print(type(error).__name__, error)
    """
    assert run(ready, code).startswith("MeterError vault: seal not read: ")


def test_crypto_port(ready):
    """FIPS 197, C.1; and random numbers of which none is like another."""
    code = """
        from drivers.crypto_port import Crypto
        crypto = Crypto()
        block = bytes([17 * i for i in range(16)])
        print(crypto.aes_ecb(bytes(range(16))).encrypt(block).hex())
        print(len(set([crypto.random(16) for _ in range(50)])), len(crypto.random(3)))
    """
    assert run(ready, code).split() == ["69c4e0d86a7b0430d8cdb78070b4c55a", "50", "3"]
