"""The head-end: the utility's side of what the meters say and hear."""
