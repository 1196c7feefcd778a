"""Keys, envelopes and signed orders, as a sealed meter wants them."""
