"""``trunkline chaos``: a real system under load, broken to a timetable, and held against the invariants."""
