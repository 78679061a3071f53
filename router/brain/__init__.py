"""The routing brain: what was observed of each carrier, and what to do about it."""
