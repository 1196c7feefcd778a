"""What a history of use can tell: its shape, its cost, what changed, what comes, what to do."""
