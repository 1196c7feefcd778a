"""What a key file holds: a whole fleet, or one role of one meter."""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from meter.security import keys as meter_keys
from meter.security.key_set import Keys
from wattledger.errors import ToolError
from wattledger.security.derive import KEY_SIZE, NAMES, ROLES, meter_key, serial_of

SIGNERS = ("utility", "maker")
GENERATION_MAX = 1000  # each step of a meter is one of these
_CURVE = ec.SECP256R1()


@dataclass(frozen=True)
class Commissioned:
    """A meter that has keys of this fleet: which generation, and the name of its group."""

    generation: int
    group: str = ""


@dataclass(frozen=True)
class Fleet:
    """generation   that a meter is to have; those before can still be derived
    signers      name -> the private number of a P-256 key
    meters       serial -> Commissioned
    """

    master: bytes = field(repr=False)
    generation: int
    signers: dict[str, int] = field(repr=False)
    meters: dict[str, Commissioned] = field(default_factory=dict)

    @classmethod
    def new(cls) -> "Fleet":
        numbers = {
            name: ec.generate_private_key(_CURVE).private_numbers().private_value
            for name in SIGNERS
        }
        return cls(secrets.token_bytes(KEY_SIZE), 1, numbers)

    def private(self, signer: str) -> ec.EllipticCurvePrivateKey:
        """-> the key of "utility" or "maker" that signs orders."""
        return ec.derive_private_key(self.signers[signer], _CURVE)

    def public(self, signer: str) -> bytes:
        """-> x || y, 64 bytes."""
        point = self.private(signer).public_key().public_numbers()
        return point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")

    def fingerprint(self) -> str:
        """-> 16 hex digits by which two people tell that they speak of the same fleet."""
        return hashlib.sha256(b"".join(map(self.public, SIGNERS))).hexdigest()[:16]

    def blob(self, serial: str, generation: int, group: str = "") -> bytes:
        """-> the keys of one meter as it keeps them (meter.security.keys).

        MeterError: a group that no meter may have.
        """
        secret = [self.evidence(serial, generation, name) for name in NAMES]
        public = [self.public(name) for name in SIGNERS]
        return bytes(meter_keys.pack(Keys(generation, *secret, *public, group)))

    def evidence(self, serial: str, generation: int, name: str = "evidence") -> bytes:
        """-> the key that the chains of this meter were tagged with in that generation."""
        return meter_key(self.master, serial, name, generation)

    def key(self, serial: str, role: str, generation: int) -> bytes:
        return meter_key(self.master, serial, role, generation)

    def best_role(self, serial: str, needed: str) -> str:
        """-> the role to ask with; the lowest that may."""
        return needed

    def derive(self, serial: str, role: str) -> "MeterKey":
        """-> what a person gets who may do no more than this."""
        known = self.meters.get(serial_of(serial))
        generation = (known and known.generation) or self.generation
        return MeterKey(serial, role, generation, self.key(serial, role, generation))

    def with_meter(self, serial: str, generation: int, group: str) -> "Fleet":
        return replace(self, meters={**self.meters, serial: Commissioned(generation, group)})

    def next_generation(self) -> "Fleet":
        return replace(self, generation=self.generation + 1)

    def behind(self) -> list[str]:
        """-> serials of the meters whose keys are of an earlier generation."""
        return sorted(s for s, m in self.meters.items() if m.generation < self.generation)

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": "fleet",
            "master": self.master.hex(),
            "generation": self.generation,
            "signers": {name: f"{number:064x}" for name, number in self.signers.items()},
            "meters": {s: [m.generation, m.group] for s, m in self.meters.items()},
        }


@dataclass(frozen=True)
class MeterKey:
    """One role of one meter, in one generation."""

    serial: str
    role: str
    generation: int
    secret: bytes = field(repr=False)

    def key(self, serial: str, role: str, generation: int) -> bytes:
        """ToolError: another meter's, or another generation's."""
        assert role == self.role
        if serial != self.serial:
            raise ToolError(f"keys: they are of meter {self.serial}, here is {serial}")
        if generation != self.generation:
            raise ToolError(
                f"keys: of generation {self.generation}, the meter has {generation}:"
                " let wattledger keys derive make new ones"
            )
        return self.secret

    def best_role(self, serial: str, needed: str) -> str:
        if ROLES.index(needed) > ROLES.index(self.role):
            raise ToolError(f"keys: they are of a {self.role}, this needs a {needed}")
        return self.role

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": "meter",
            "serial": self.serial,
            "role": self.role,
            "generation": self.generation,
            "key": self.secret.hex(),
        }


Keyring = Fleet | MeterKey


def from_dict(data: dict[str, Any]) -> Keyring:
    """ToolError: a content that this version does not know; its tag was right."""
    try:
        if data["kind"] == "fleet":
            signers = {name: int(data["signers"][name], 16) for name in SIGNERS}
            meters = {s: Commissioned(*m) for s, m in data["meters"].items()}
            return Fleet(bytes.fromhex(data["master"]), data["generation"], signers, meters)
        if data["kind"] == "meter":
            secret = bytes.fromhex(data["key"])
            return MeterKey(data["serial"], data["role"], data["generation"], secret)
    except (KeyError, TypeError, ValueError):
        pass
    raise ToolError("keys of another kind than this version knows: update wattledger")


def fleet_of(keyring: Keyring, what: str) -> Fleet:
    """ToolError: only one role of one meter is there."""
    if isinstance(keyring, Fleet):
        return keyring
    raise ToolError(f"{what}: needs the fleet's key file, this one has one role of one meter")
