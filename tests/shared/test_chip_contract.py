"""The contract of the metering ICs' drivers: CPython, the MicroPython VM, a board."""

import unittest

import chip_contract
from chip_ics import ICS


class TestAtm90e32(chip_contract.Contract):
    ic = ICS["atm90e32"]


class TestAde7953(chip_contract.Contract):
    ic = ICS["ade7953"]


class TestBl0942(chip_contract.Contract):
    ic = ICS["bl0942"]


if __name__ == "__main__":
    unittest.main()
