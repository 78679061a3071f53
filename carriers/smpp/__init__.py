"""SMPP 3.4: codec, session core and asyncio shell."""
