"""Programs of this machine that tests drive; without them those tests are skipped."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """-> path of a Chromium, None: there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
