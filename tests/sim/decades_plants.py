"""Errors of the core that the simulation must find, each with what it then says."""

from drivers import atm90e32
from meter import (
    accounts,
    billing_line,
    billing_rows,
    calendar,
    demand,
    journal,
    limiter,
    retained,
    tiers,
)


def loses_a_count(monkeypatch):
    good = atm90e32.Atm90e32._fold
    monkeypatch.setattr(
        atm90e32.Atm90e32, "_fold", lambda self, value: good(self, value - (value > 9))
    )


def forgets_a_remainder(monkeypatch):
    good = accounts.Accounts._count

    def count(self, new, channel, *args):
        good(self, new, channel, *args)
        new.carries[channel] = 0

    monkeypatch.setattr(accounts.Accounts, "_count", count)


def keeps_nothing_through_a_reset(monkeypatch):
    monkeypatch.setattr(retained.Retained, "store", lambda self, *args: None)


def switches_a_minute_late(monkeypatch):
    good = calendar.Calendar.segment

    def segment(self, t):
        end, rate = good(self, t - 60)
        return max(end, t) + 60, rate

    monkeypatch.setattr(calendar.Calendar, "segment", segment)


def closes_an_hour_late(monkeypatch):
    good = calendar.Calendar.period_end
    monkeypatch.setattr(
        calendar.Calendar, "period_end", lambda self, t, day: good(self, t - 3600, day) + 3600
    )


def rounds_down(monkeypatch):
    monkeypatch.setattr(billing_line, "round_fraction", lambda num, den, rule: num // den)


def forgets_to_reprice(monkeypatch):
    monkeypatch.setattr(limiter.Limiter, "rate", lambda self, rate, t: rate)


def never_sheds(monkeypatch):
    monkeypatch.setattr(limiter, "drive", lambda outputs, bits: None)


def trips_a_window_late(monkeypatch):
    good, before = limiter.Limiter._judge, [0]

    def judge(self, mw, *args):
        mw, before[0] = before[0], mw
        return good(self, mw, *args)

    monkeypatch.setattr(limiter.Limiter, "_judge", judge)


def keeps_a_lower_demand(monkeypatch):
    good = demand.Demand._keep
    monkeypatch.setattr(demand.Demand, "_keep", lambda self, mw, *args: good(self, mw // 2, *args))


def misses_every_other_window(monkeypatch):
    good, calls = demand.Demand._keep, []

    def keep(self, *args):
        calls.append(1)
        if len(calls) % 2:
            good(self, *args)

    monkeypatch.setattr(demand.Demand, "_keep", keep)


def keeps_two_of_a_day(monkeypatch):
    good = demand.Demand._placed
    monkeypatch.setattr(
        demand.Demand, "_placed", lambda self, slots, mw, end, day: good(self, slots, mw, end, -1)
    )


def nets_nothing(monkeypatch):
    monkeypatch.setattr(billing_rows, "settle", lambda tariff, account, state: None)


def has_tiers_of_a_whole_year(monkeypatch):
    good = tiers.bounds
    monkeypatch.setattr(tiers, "bounds", lambda *args: tuple(12 * b for b in good(*args)))


def moves_energy_between_rates(monkeypatch):
    good = accounts.Accounts.save

    def save(self, e):
        rates = self.live.rates
        if rates[0] > 5:
            rates[0], rates[1] = rates[0] - 5, rates[1] + 5
        good(self, e)

    monkeypatch.setattr(accounts.Accounts, "save", save)


def saves_every_tenth_time(monkeypatch):
    good, calls = journal.Journal.commit_e, []

    def commit_e(self, e):
        calls.append(1)
        if len(calls) % 10 == 1:
            good(self, e)

    monkeypatch.setattr(journal.Journal, "commit_e", commit_e)


PLANTS = [
    (loses_a_count, "no event says so"),
    (forgets_a_remainder, "a part of a count"),
    (keeps_nothing_through_a_reset, "power failure that never was"),
    (switches_a_minute_late, "the calendar gives"),
    (closes_an_hour_late, "ledger of period 1: at"),
    (rounds_down, "bill of period 1"),
    (forgets_to_reprice, "the calendar gives"),
    (never_sheds, "outputs"),
    (trips_a_window_late, "what flowed says otherwise"),
    (nets_nothing, "bill of period 1"),
    (has_tiers_of_a_whole_year, "bill of period 1"),
    (keeps_a_lower_demand, "there flowed"),
    (misses_every_other_window, "demand d"),
    (keeps_two_of_a_day, "of one day"),
    (moves_energy_between_rates, "the calendar gives"),
    (saves_every_tenth_time, "after a "),
]
