"""Layouts of records as tests want them."""


def fields_of(layout):
    """A flat layout -> [(attribute, code, count)]."""
    return [layout[i : i + 3] for i in range(0, len(layout), 3)]
