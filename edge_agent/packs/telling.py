"""Tells of what stands on the shelf, each change once. Everything is on the event loop's thread."""

from collections.abc import Callable, Collection
from typing import Final

from edge_agent.model.catalog import Catalog
from edge_agent.model.events import CatalogChanged, Event
from edge_agent.packs.shelf import Shelf

OnDocument = Callable[[str, bytes | None], None]
"""Told the name of a signed document and its content, or None when it was withdrawn."""

_NOTHING: Final = Catalog()


class Telling:
    """Who asked for which documents, and what was told. `emit` gets CatalogChanged, the first time in any case."""

    def __init__(self, shelf: Shelf, emit: Callable[[Event], None]) -> None:
        self._shelf = shelf
        self._emit = emit
        self._catalog: Catalog | None = None
        self._listeners: dict[str, list[OnDocument]] = {}
        self._told: dict[str, bytes] = {}
        self._have_heard: set[str] = set()

    @property
    def catalog(self) -> Catalog:
        """What was told last; empty before that."""
        return self._catalog or _NOTHING

    @property
    def wanted(self) -> Collection[str]:
        """The beginnings of names that were asked for; it grows with them."""
        return self._listeners.keys()

    def on_document(self, name_prefix: str, callback: OnDocument) -> None:
        """Tell `callback` of each document whose name begins so, now and whenever it changes."""
        self._listeners.setdefault(name_prefix, []).append(callback)
        for name, content in self._told.items():
            if name.startswith(name_prefix):
                callback(name, content)

    def withdraw_absent(self, signed: Collection[str]) -> None:
        """Tell who asked for what is not among the `signed` names, and has heard of nothing, that there is none.

        They may live by what was signed once: by another fleet, or before the record was lost.
        """
        for prefix in self._listeners.keys() - self._have_heard:
            if not any(name.startswith(prefix) for name in signed):
                self._tell(prefix, prefix, None)

    def _tell(self, prefix: str, name: str, content: bytes | None) -> None:
        self._have_heard.add(prefix)
        for callback in self._listeners[prefix]:
            callback(name, content)

    def announce(self) -> None:
        """Tell what stands now, as far as that is another than before. Looks each asset up on the disk."""
        catalog = self._shelf.catalog()
        if catalog != self._catalog:
            self._catalog = catalog
            self._emit(CatalogChanged(catalog))
        told, self._told = self._told, dict(self._shelf.documents)
        for name in sorted(told.keys() | self._told.keys()):
            content = self._told.get(name)
            if content != told.get(name):
                for prefix in self._listeners:
                    if name.startswith(prefix):
                        self._tell(prefix, name, content)
