"""Draw docs/pictures/live-*.png again: python -m tests.live.pictures"""

import io
from pathlib import Path

from PIL import Image
from playwright import sync_api

from tests import on_machine
from tests.live import fake
from tests.live.conftest import START, TARIFF, Served
from wattledger.tariffs.tariff_file import compile_file

ROOT = Path(__file__).resolve().parents[2]
SIZES = {390: "light", 1440: "dark"}
COLOURS = 48  # a page has few, and the file stays small


def main():
    made = compile_file(ROOT / TARIFF, wide=True).tariff()
    house = fake.house(made, fake.start_of(made, START)).part(slice(0, 39 * 96 + 62))
    served = Served(fake.FakeSource(made, house))
    program = on_machine.browser()
    try:
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for width, scheme in SIZES.items():
                size = {"width": width, "height": 900}
                page = browser.new_page(viewport=size, color_scheme=scheme)
                page.goto(served.address)
                page.wait_for_selector("#curve .today", state="attached")
                path = ROOT / "docs" / "pictures" / f"live-{width}.png"
                drawn = io.BytesIO(page.screenshot(full_page=True))
                Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, optimize=True)
                print(path.name, path.stat().st_size, "bytes")
            browser.close()
    finally:
        served.stop()


if __name__ == "__main__":
    main()
