"""The running system: Ray actors, the Redis journal, Prometheus."""
