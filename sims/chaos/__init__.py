"""Faults for a real running system: a proxy that makes links bad, a timetable of what breaks when, a shim for disks and clocks."""
