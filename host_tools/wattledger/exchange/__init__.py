"""Data of others in, ours out: Green Button (ESPI XML), CSV, Parquet."""
