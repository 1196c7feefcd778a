"""TLS of a client, before it connects: loaded on demand."""

import ssl

from comms.mqtt_codec import MqttError


def context(tls):
    """-> SSLContext of a client that checks its broker, always.

    tls   ca, cert, key: file names, or bytes (the chip: DER or PEM; CPython: ca in DER); name: of
          the broker in its certificate, if not the host; or psk_identity and psk_key, bytes
    MqttError: neither is given, or this platform has no PSK.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # the chip's default is to check nothing
    made.verify_mode = ssl.CERT_REQUIRED  # type: ignore[attr-defined]
    if "psk_key" in tls:
        if not (hasattr(ssl.SSLContext, "psk_key") or hasattr(made, "psk_key")):
            raise MqttError("tls: no pre-shared keys on this platform: give it certificates")
        made.psk_identity = tls["psk_identity"]  # type: ignore[attr-defined]
        made.psk_key = tls["psk_key"]  # type: ignore[attr-defined]
        return made
    ca = tls.get("ca")
    if not ca:
        raise MqttError("tls: no CA and no pre-shared key in the profile: plain text is refused")
    if isinstance(ca, str):
        made.load_verify_locations(cafile=ca)
    else:
        made.load_verify_locations(cadata=ca)
    if "cert" in tls:
        made.load_cert_chain(tls["cert"], tls["key"])
    return made
