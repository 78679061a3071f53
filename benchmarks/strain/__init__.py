"""Real runs under more load than there is room for, held against the same rules as chaos and the simulated worlds."""
