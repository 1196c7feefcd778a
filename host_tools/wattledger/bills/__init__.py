"""Bills for people and for programs."""
