"""Price schedules: what markets and servers publish -> what a meter takes."""
