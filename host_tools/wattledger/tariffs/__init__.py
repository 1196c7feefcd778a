"""Tariff files: what people write, what a meter runs, and the proof that it is the same."""
