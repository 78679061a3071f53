"""Open-loop load on the REST API, with latencies measured from the intended send time."""
