"""A measurement in a world of its own, and that in a process of its own: Ray connects once in the life of a process."""

import os
import signal
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from benchmarks.machine import server_of
from benchmarks.world import Shape, World, running

T = TypeVar("T")


class Unmeasured(Exception):
    """The world did not come up, or did not stay: nothing is known. The text has the traceback."""


def in_world(measure: Callable[[World], T], shape: Shape) -> tuple[T, str]:
    """What ``measure`` returns, and the journal's server. Raises ``Unmeasured``. Interrupted, it waits until all that it started is stopped."""
    return apart(_measured, measure, shape)


def _measured(measure: Callable[[World], T], shape: Shape) -> tuple[T, str]:
    with running(shape) as world:
        return measure(world), server_of(world.state.journal_url)


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Call something that can be pickled in a process of its own; raises ``Unmeasured``."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        done, found = ours.recv()
    except EOFError:
        raise Unmeasured("the measurement's process ended without a word") from None
    except KeyboardInterrupt:
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGINT)  # where only we were told; it hears the first one only
        raise
    finally:
        process.join()
        ours.close()
    if not done:
        raise Unmeasured(found)
    return found


def _work(line: "Connection[Any, Any]", work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    os.dup2(2, 1)  # what is said on the way, by Ray too, is not what standard output is for
    try:
        line.send((True, work(*arguments)))
    except KeyboardInterrupt:
        line.send((False, "interrupted"))
    except Exception:  # noqa: BLE001 (whatever it is, it is told where it is known what to do)
        line.send((False, traceback.format_exc()))
    finally:
        line.close()


def _interrupted(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # once: the way down must not be cut short
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
