"""Work that goes on aside: what takes time and waits for nobody, while something else is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Aside"]

_Result = TypeVar("_Result")


class Aside(Generic[_Result]):
    """`work` in a thread of its own, begun at once. concurrent.futures would cost more than it saves."""

    def __init__(self, work: Callable[[], _Result]) -> None:
        self._results: list[_Result] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def result(self) -> _Result:
        """What came of it; waits for that. Raises what `work` raised."""
        self._thread.join()
        for error in self._errors:
            raise error
        return self._results[0]

    def _run(self, work: Callable[[], _Result]) -> None:
        try:
            self._results.append(work())
        except BaseException as error:
            self._errors.append(error)
