"""Which machine this is, and what a copy of one may do: nothing."""

from __future__ import annotations

import pytest
from tests.host.box import Box

from daypass.errors import Misconfigured
from daypass.host.machine import is_clone, machine_of, require_same
from daypass.host.state import State

ONE, TWO = "1" * 32, "2" * 32


def write(box: Box, text: str) -> None:
    (box.root / "etc/machine-id").write_text(text)


def enrolled(box: Box, text: str) -> State:
    write(box, text)
    return box.enrol().state


def test_a_machine_is_another_one_to_each_ca(box: Box) -> None:
    write(box, f"{ONE}\n")
    assert machine_of(box.paths, "a") != machine_of(box.paths, "b")
    assert ONE not in machine_of(box.paths, "a")


@pytest.mark.parametrize("text", ["", "uninitialized\n", "1" * 31, "X" * 32])
def test_what_is_no_machine_id_names_no_machine(box: Box, text: str) -> None:
    write(box, text)
    assert machine_of(box.paths, "a") == ""
    assert not is_clone(box.paths, box.enrol().state)


def test_the_machine_that_enrolled_goes_on(box: Box) -> None:
    require_same(box.paths, enrolled(box, ONE))


@pytest.mark.parametrize("text", [TWO, "uninitialized\n"])
def test_a_copy_of_its_disk_is_told_what_to_do(box: Box, text: str) -> None:
    state = enrolled(box, ONE)
    write(box, text)
    with pytest.raises(Misconfigured, match=r"copy of web-1\.example\.com") as refused:
        require_same(box.paths, state)
    assert "ssh-keygen -A" in (refused.value.hint or "")
