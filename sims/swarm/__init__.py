"""The running system in virtual time: its real processes in one, over a network and a journal that break by seed."""
