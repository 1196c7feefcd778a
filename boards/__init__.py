"""One folder a board: board.py (pins to ports), board.toml (ratings), README.md (wiring)."""
