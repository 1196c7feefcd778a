"""Reports: one HTML file about the history of one meter, for a household or a utility."""
