"""How far a mistake gets: one host, then five, and no further."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from daypass.client.fleet.listing import Target
from daypass.client.fleet.takeover import Outcome
from daypass.client.fleet.waves import Waves, sizes


@dataclass
class Played:
    """Stands for ssh. `broken` hosts fail, `done` ones are ours before."""

    broken: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)

    def is_ours(self, target: Target) -> str:
        return "" if target.name in self.done else "no certificate"

    def enrol(self, target: Target, token: str) -> str:
        self.tokens[target.name] = token
        return "sudo: a password is required" if target.name in self.broken else ""


def run(played: Played, count: int, **settings: object) -> tuple[list[Outcome], list[Outcome]]:
    targets = [Target(f"h{number}.example.com", "x") for number in range(count)]
    told = list[Outcome]()
    waves = Waves(played, told.append, **settings)  # type: ignore[arg-type]
    return waves.run(targets, {each.name: f"token of {each.name}" for each in targets}), told


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [
        (0, 25, []),
        (1, 25, [1]),
        (4, 25, [1, 3]),
        (60, 25, [1, 5, 25, 25, 4]),
        (7, 2, [1, 2, 2, 2]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_waves_grow_from_one_host(count: int, most: int, expected: list[int]) -> None:
    assert list(sizes(count, most)) == expected


def test_what_is_wrong_everywhere_costs_one_host() -> None:
    played = Played(broken={f"h{number}.example.com" for number in range(40)})
    outcomes, told = run(played, 40)
    assert [each.state for each in outcomes] == ["failed"] + ["untried"] * 39
    assert [each.state for each in told] == ["failed"] and "password" in told[0].said


def test_a_wave_is_finished_and_the_next_not_begun_unless_told_to() -> None:
    played = Played(broken={"h2.example.com"})
    outcomes, _ = run(played, 10)
    assert [each.state for each in outcomes] == ["enrolled"] * 2 + ["failed"] + ["enrolled"] * 3 + ["untried"] * 4
    outcomes, told = run(Played(broken={"h2.example.com"}), 10, keep_going=True)
    assert [each.state for each in outcomes].count("enrolled") == 9 == len(told) - 1


def test_hosts_that_are_done_are_left_alone_and_each_gets_its_own_token() -> None:
    played = Played(done={"h0.example.com", "h3.example.com"})
    outcomes, _ = run(played, 5)
    assert [each.state for each in outcomes] == ["already", "enrolled", "enrolled", "already", "enrolled"]
    assert played.tokens == {f"h{number}.example.com": f"token of h{number}.example.com" for number in (1, 2, 4)}
