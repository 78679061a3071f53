"""Simulators: an SMSC, a load, and what is proven with them."""
