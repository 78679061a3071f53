"""Structures that do not tell their secrets: whatever prints them (a log, a traceback, a debugger, Ray's dashboard) shows a mark instead."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from msgspec import Struct

MARK: Final = "…"
S = TypeVar("S", bound=type[Struct])


def discreet(*hidden: str) -> Callable[[S], S]:
    """Hide these fields from ``repr``. What is empty is shown as it is: that tells nothing."""

    def shown(self: Struct) -> Iterator[tuple[str, str]]:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            yield name, MARK if name in hidden and value else repr(value)

    def words(self: Struct) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in shown(self))})"

    def mark(structure: S) -> S:
        if unknown := set(hidden) - set(structure.__struct_fields__):
            raise ValueError(f"{structure.__name__} has no fields {sorted(unknown)}")
        changed: Any = structure
        changed.__repr__ = words
        changed.__rich_repr__ = shown  # what rich prints, in place of what msgspec would have it print
        return structure

    return mark
