"""Secrets that a meter is given: from the environment, or asked for; never on the command line."""

import base64
import getpass
import os
import sys

from wattledger.errors import ToolError

WIFI_PASSWORD, BROKER_PASSWORD = "WATTLEDGER_WIFI_PASSWORD", "WATTLEDGER_BROKER_PASSWORD"
PSK_KEY = "WATTLEDGER_PSK_KEY"


def secret(variable: str, prompt: str) -> str:
    """-> what the variable holds, else what is typed in. ToolError: nothing, or nobody to ask."""
    found = os.environ.get(variable)
    if found is None:
        if not sys.stdin.isatty():
            raise ToolError(f"comms: no password, and nobody to ask: set {variable}")
        found = getpass.getpass(prompt)
    if not found:
        raise ToolError("comms: an empty password: try again")
    return found


def psk() -> str:
    """-> a pre-shared key in base64, as a request has it. ToolError: it is not given in hex."""
    text = secret(PSK_KEY, "Pre-shared key, hex: ")
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        raise ToolError("comms: the pre-shared key is no hex: try again") from None
