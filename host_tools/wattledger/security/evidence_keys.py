"""Which keys the chains of a meter are checked with."""

from wattledger.security.keyring import Fleet, Keyring


def of_meter(
    keyring: Keyring | None, serial: str | None, keyed: bool
) -> tuple[dict[int, bytes] | None, int]:
    """-> (keys, given) as verification.chain_check takes them.

    serial   of the meter; None: not known
    keyed    what the meter says. That it has no keys is not believed of one that this fleet has
             given keys to.
    """
    if isinstance(keyring, Fleet) and serial is not None:
        known = keyring.meters.get(serial)
        given = known.generation if known else 0  # 0: its commissioning was cut short
        if keyed or given:
            keys = {g: keyring.evidence(serial, g) for g in range(1, keyring.generation + 1)}
            return keys, given
    return (None if keyed else {}), 0
