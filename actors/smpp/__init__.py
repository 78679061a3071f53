"""The SMPP server's own work: whose password it is, what customers ask, what they are sent."""
