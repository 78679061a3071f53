"""What single stages of a message's life cost, without Ray: ``python -m benchmarks stages``."""
