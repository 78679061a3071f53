"""What the whole system carries, and what a message costs: ``python -m benchmarks``."""
