"""Error codes of ESP-IDF as `check_esp_err` raises them: OSError(-code, name)."""

import json

import _board

INVALID_ARG = 0x102
INVALID_SIZE = 0x104
_NAMES = {
    -1: "ESP_FAIL",
    0x102: "ESP_ERR_INVALID_ARG",
    0x103: "ESP_ERR_INVALID_STATE",
    0x104: "ESP_ERR_INVALID_SIZE",
    0x1102: "ESP_ERR_NVS_NOT_FOUND",
    0x1103: "ESP_ERR_NVS_TYPE_MISMATCH",
    0x1105: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    0x1106: "ESP_ERR_NVS_INVALID_NAME",
    0x1109: "ESP_ERR_NVS_KEY_TOO_LONG",
    0x110C: "ESP_ERR_NVS_INVALID_LENGTH",
}


def check(code):
    """Raise what the chip raises for an esp_err_t; 0 passes."""
    if code:
        raise OSError(-code, _NAMES.get(code, "ESP_ERR"))


def answer(status):
    """Check a status of the simulated bus; < -9000 is a fault of the simulation itself."""
    if status < -9000:
        raise RuntimeError("virtual board: simulation failed, see bridge.log")
    check(status)


def call(**request):
    """Ask the hardware something rare; -> dict of the reply."""
    reply = json.loads(_board.call(json.dumps(request)))
    if "error" in reply:
        raise RuntimeError("virtual board: " + reply["error"])
    return reply
