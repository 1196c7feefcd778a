"""Validation, estimation and editing of interval data: a layer over it, never a change of it."""
