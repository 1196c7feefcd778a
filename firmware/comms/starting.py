"""What comms.run needs to begin: which profiles are set, and what runs them. Loaded on demand."""

from comms import profiles


def loop(app, make):
    """-> make(app, network) of the profiles that are set, None: none is, or it cannot be had.

    network   the module, None: without Wi-Fi
    """
    from comms.run import words

    for radio in (True, False):
        try:
            made = make(app, _network(app) if radio else None)
            return made if made.names else None
        except Exception as error:  # whatever it is: the console must run
            app.told.setdefault("wifi", words(error))
    return None


def _network(app):
    """-> the module, None: no network is set"""
    if app.profile("wifi") is None:
        return None
    import network

    return network


def found(app, network):
    """-> (Wifi or None, time server or None, {local road: settings}, names of the tasks)"""
    wifi, server, names = None, None, []
    if network is not None:
        from comms.wifi import Wifi

        ssid, password, *ntp = profiles.wifi(app.profile)
        wifi = Wifi(network, "wl-" + app.serial, ssid, password, app.crypto.random)
        names += ("wifi", "mqtt", "home")
        if ntp:
            server = ntp[0]
            names.append("ntp")
    local = _local(app)
    names += [name for name in local if network is not None or name != "cosem"]
    return wifi, server, local, names


def _local(app):
    """-> settings of the local roads; those that cannot be read are none."""
    from comms.run import words

    try:
        return profiles.local(app.profile)
    except Exception as error:  # Wi-Fi and the brokers go on
        app.told["local"] = words(error)
        return {}


def broker(app, name):
    """-> (fields of the profile "mqtt" or "home", Session, what rides on it), None: it is not
    set"""
    fields = profiles.broker(app.profile, name)
    if fields is None:
        return None
    client, rider = app.serial, (_uplink if name == "mqtt" else _home)(app, fields)
    if name != "mqtt":
        client = "wl-" + client  # one broker may serve both
    fields["topics"], fields["will"] = rider.topics(), rider.will()
    from comms.mqtt_session import Session

    return fields, Session(client, fields, rider.message, rider.ready), rider


def _uplink(app, fields):
    from comms.uplink import Uplink

    return Uplink(app.gate, app.handle, app.answer, app.serial, fields)


def _home(app, fields):
    from comms.home import Home

    return Home(app.handle, app.serial, fields)
