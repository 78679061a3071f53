"""Octets out to carriers and back: protocol cores without I/O, and the asyncio shells around them."""
