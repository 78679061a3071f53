"""The journal: where every message stands, and the moves between. The port, and its in-memory twin."""
