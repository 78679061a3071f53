"""The twin: a world of carriers in virtual time, in which the brain is held against others and against perfect knowledge."""
