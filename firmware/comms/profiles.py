"""What is kept of the profiles of communication, as those who run them take it. On demand."""

import json
from binascii import a2b_base64

_PARTS = ("ca", "cert", "key")


def wifi(kept):
    """-> (ssid, password), behind them the time server if one is set, or None: no network is set.

    kept   name -> bytes or None; see app.profile
    """
    data = kept("wifi")
    return None if data is None else tuple(json.loads(data))


def local(kept):
    """-> {"p1", "readout" or "cosem": settings} of the roads that are to run. ValueError: what is
    kept is none of that."""
    data = kept("local")
    found = {} if data is None else json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("local: no roads are kept there")
    return found


def broker(kept, name):
    """-> dict of the fields of profile "mqtt" or "home", or None: it is not set.

    tls   None, or what comms.tls.context takes
    """
    data = kept(name)
    if data is None:
        return None
    fields = json.loads(data)
    if fields["tls"] == "none":
        fields["tls"] = None
        return fields
    tls = {"name": fields.get("name", fields["host"])}
    if fields["tls"] == "psk":
        tls["psk_identity"] = fields.pop("psk_identity").encode()
        tls["psk_key"] = a2b_base64(fields.pop("psk_key").encode())
    else:
        for part in _PARTS:
            data = kept(name + "_" + part)
            if data is not None:
                tls[part] = data
        if "cert" in tls and "key" not in tls:
            del tls["cert"]  # not all is set yet: the broker will say that it misses it
    fields["tls"] = tls
    return fields
