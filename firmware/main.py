"""Runs console and communication of a sealed meter, and resets it when the console ends; an open
meter goes on to the REPL. Ctrl-C is turned off as in boot.py, whose `_shut` it sees."""

try:
    try:
        try:
            __import__("micropython").kbd_intr(-1)
        except KeyboardInterrupt:
            __import__("micropython").kbd_intr(-1)
    except KeyboardInterrupt:
        __import__("micropython").kbd_intr(-1)
    _shut = globals().get("_shut", True)
    if _shut:
        import app
        from comms import run

        run.run(app)
        _shut = False
finally:
    if _shut:
        __import__("machine").reset()
