"""The answer to the request `quality`, and the alerts: loaded on demand, as meter.answers is."""

from meter import quality_codes


def answer(watched):
    """Counters by OBIS code: [count, first, last], those that are not 0; what holds now.

    watched   quality.Quality
    """
    counts = {}
    for number, code in enumerate(quality_codes.OBIS):
        entry = watched.counter(number)
        if entry[0]:
            counts[code] = entry
    return {"since": watched.since or None, "active": watched.active, "counts": counts}


def alerts(watched):
    """-> one line for each condition that holds."""
    found = [watched.failure] if watched.failure else []
    for number in range(len(quality_codes.OBIS)):
        if watched.active >> number & 1:
            found.append(quality_codes.words(number))
    return found
