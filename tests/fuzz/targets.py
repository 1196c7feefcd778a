"""All that is fuzzed, and with how many inputs.

A target is a class: `LIFE`, inputs after which it begins anew; `revive()`, be as at the beginning;
`make(chance) -> bytes`, an input; `feed(bytes) -> text`, what became of it. Whatever feed raises
is a failure. All of it runs on CPython and in the MicroPython VM.
"""

# name: module, class, inputs on CPython, in the VM
TARGETS = {
    "lines": ("lines", "Lines", 45_000, 1500),
    "envelopes": ("envelopes", "Envelopes", 30_000, 600),
    "payloads": ("payloads", "Payloads", 15_000, 400),
    "mqtt": ("broker", "Broker", 8_000, 600),
    "cosem": ("cosem", "Cosem", 8_000, 300),
    "readout": ("readout", "Optical", 8_000, 400),
    "profiles": ("profiles", "Profiles", 4_000, 300),
    "requests": ("requests", "Requests", 35_000, 600),
    "letters": ("requests", "Letters", 2_000, 400),
    "again": ("again", "Again", 1_000, 480),
    "orders": ("orders", "Orders", 12_000, 400),
    "tariffs": ("texts", "Tariffs", 10_000, 600),
    "prices": ("texts", "Prices", 8_000, 400),
    "manifests": ("texts", "Manifests", 18_000, 800),
    "key blobs": ("blobs", "KeyBlobs", 10_000, 200),
    "vault": ("blobs", "Vaults", 2_500, 100),
    "calibrations": ("blobs", "Calibrations", 10_000, 400),
    "journal": ("flash", "Images", 3_000, 100),
    "forged": ("flash", "Forged", 4_000, 150),
    "parts": ("flash", "Parts", 4_000, 100),
}
PLANTED = {
    "leaks": ("planted", "Leaks", 640, 640),
    "interns": ("planted", "Interns", 640, 640),
}


def make(name):
    """-> the target of this name"""
    module, cls = (TARGETS.get(name) or PLANTED[name])[:2]
    found = __import__("tests.fuzz." + module)
    for part in ("fuzz", module, cls):
        found = getattr(found, part)
    return found()
