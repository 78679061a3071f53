"""Trunkline's decisions: pure functions of their arguments, with the time, the chance and the ids passed in."""
