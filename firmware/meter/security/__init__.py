"""What keeps others out of a sealed meter: keys, envelopes, orders; pure, ports are given."""
