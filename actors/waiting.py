"""Waiting for an event, but not for ever."""

import asyncio


async def woken(event: asyncio.Event, within_s: float) -> bool:
    """Whether the event was set within so many seconds."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
