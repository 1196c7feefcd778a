"""Draws docs/pictures/report-*.png, when the look of reports has changed:

PYTHONPATH=firmware:tests/shared:tests/host .venv/bin/python -m tests.reports.pictures

Needs the loads of ../shared/data, a browser, and Pillow, which matplotlib brings.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests import on_machine
from tests.reports.subjects import HOUSE, PLANT, ROOT, report_of

FOLDER = ROOT / "docs" / "pictures"
COLOURS = 48
SHOTS = (  # name, load, width and height in px, the section to begin with
    ("house", HOUSE, 390, 2000, "days"),
    ("house", HOUSE, 1440, 2200, ""),
    ("steel", PLANT, 1440, 2200, ""),
)


def main():
    reports = {path: report_of(path).households for path in (HOUSE, PLANT)}
    browser = on_machine.browser()
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as running, tempfile.TemporaryDirectory() as folder:
        opened = running.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, path, width, height, section in SHOTS:
            html = Path(folder) / "report.html"
            html.write_text(reports[path], encoding="utf-8")
            page = opened.new_page(viewport={"width": width, "height": height})
            page.goto(f"{html.as_uri()}#{section}")
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            out = FOLDER / f"report-{name}-{width}.png"
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)
            print(out.name, out.stat().st_size)
        opened.close()


if __name__ == "__main__":
    main()
