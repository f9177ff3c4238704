"""The names other rooms build on."""

from __future__ import annotations

import daypass.wire


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    names = daypass.wire.__all__
    assert all(getattr(daypass.wire, name) is not None for name in names)
    assert sorted(set(names)) == sorted(names)
