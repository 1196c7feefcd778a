"""What the event codes of the meter mean, in words."""

from meter import codes, quality_codes

NAMES = {
    codes.EVENT_CHIP_RESET: "metering IC reset",
    codes.EVENT_GLITCH: "metering IC transfer not confirmed",
    codes.EVENT_SATURATED: "energy register of the IC full",
    codes.EVENT_IMBALANCE: "rates and total differ",
    codes.EVENT_CHIP_FAULT: "metering IC or flash faulty",
    codes.EVENT_CLOCK_SET: "clock set",
    codes.EVENT_CLOCK_STEP: "clock stepped",
    codes.EVENT_CLOCK_INVALID: "clock invalid",
    codes.EVENT_CLOCK_VALID: "clock valid again",
    codes.EVENT_CLOCK_SLEW: "clock corrected by a reference",
    codes.EVENT_CLOCK_AGING: "speed of the clock trimmed",
    codes.EVENT_POWER_FAIL: "power failed",
    codes.EVENT_RESTART: "software restarted",
    codes.EVENT_LIMIT: "load above limit",
    codes.EVENT_LIMIT_END: "load within limit again",
    codes.EVENT_TARIFF: "tariff activated",
    codes.EVENT_SCHEDULE: "tariff scheduled or dropped",
    codes.EVENT_TARIFF_LOST: "tariff file missing or altered",
    codes.EVENT_FORMAT: "journal formatted",
    codes.EVENT_PERIOD: "billing period closed",
    codes.EVENT_LOAD_SWITCH: "load switched on by a person",
    codes.EVENT_PRICES: "prices taken",
    codes.EVENT_PRICES_EXPIRED: "prices expired",
    codes.EVENT_CALIBRATION: "calibrated",
    codes.EVENT_CALIBRATION_LOST: "calibration or a copy of it lost",
    **quality_codes.event_names(),
}
