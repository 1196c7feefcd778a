"""The question that most others are made of: what each meter used in each slot.

One expression: rows meet the instants of the slots, registers are added up with their signs.
No interval is ever split or guessed: a meter without a reading at an instant is not whole
there, and it is for the caller to have the core look at its rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger.engine.load import Ints
from wattledger.fleet.slots import BITS, Slots
from wattledger.fleet.store import REGISTERS, Store


@dataclass(frozen=True)
class Energy:
    """
    serials   of the meters with a reading at any instant, ascending
    values    by register (store.REGISTERS): int64 (meters, keys), mWh or mvarh; where not whole
              it means nothing
    whole     bool (meters, keys): one journal has a reading at each instant of the key
    """

    serials: list[str]
    values: dict[str, Ints]
    whole: Any


def by_slot(store: Store, slots: Slots) -> Energy:
    """Ask the engine, and put what it says into columns."""
    rows = store.rows(slots.start, slots.end)
    wanted = store.engine.table(slots.columns)
    return _columns(store.engine.fetch(expression(rows, wanted)), slots)


def expression(rows: Any, slots: Any) -> Any:
    """-> Ibis: serial, salt, word, the registers' sums, how many rows, and their bits.

    rows   as Store.rows. The first row ever began with registers at zero.
    """
    import ibis

    opened = rows.filter(rows.seq == 1)
    zero = dict.fromkeys(REGISTERS, ibis.literal(0, "int64"))
    read = rows.union(opened.mutate(utc=opened.utc - opened.duration_s, **zero))
    joined = read.join(slots, "utc")
    sums = {name: (joined[name] * joined.sign).sum().cast("int64") for name in REGISTERS}
    return joined.group_by("serial", "salt", "word").aggregate(
        **sums,
        rows=joined.count().cast("int64"),
        seen=joined.bit.sum().cast("int64"),
    )


def _columns(found: Any, slots: Slots) -> Energy:
    import pyarrow.compute as pc

    names = pc.unique(found["serial"]).sort()
    at = pc.index_in(found["serial"], names).to_numpy(), found["word"].to_numpy()
    full, shape = slots.full, (len(names), slots.keys, slots.words)
    values = {name: _summed(found[name].to_numpy(), at, shape).sum(axis=2) for name in REGISTERS}
    rows, seen = found["rows"].to_numpy(), found["seen"].to_numpy()
    # So few powers of two have this sum in one way alone: each instant was found once.
    each_once = (seen == full[at[1]]) & (rows == _ones(full)[at[1]])
    complete = _summed(each_once.astype(np.int64), at, shape) == 1
    journals = _summed(np.ones_like(rows), at, shape)
    salts = found["salt"].to_numpy()
    of_one = _summed(salts, at, shape)
    needed = (full != 0).reshape(1, *shape[1:])
    whole = ((complete & (journals == 1)) | ~needed).all(axis=2)
    same = (of_one == of_one[:, :, :1]) | ~needed
    return Energy(names.to_pylist(), values, whole & same.all(axis=2))


def _summed(values: Ints, at: tuple[Ints, Ints], shape: tuple[int, int, int]) -> Ints:
    """-> int64 (meters, keys, words): the sum of what is found in each word."""
    found = np.zeros((shape[0], shape[1] * shape[2]), dtype=np.int64)
    np.add.at(found, at, values)
    return found.reshape(shape)


def _ones(words: Ints) -> Ints:
    """-> int64: how many bits of each are set."""
    found: Ints = (words[:, None] >> np.arange(BITS) & 1).sum(axis=1)
    return found
