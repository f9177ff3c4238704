"""Hosts that fail closed: what is refused, and that what holds is published and read back."""

from __future__ import annotations

import pytest
from tests.config.sample import edited

from daypass.config import errors_in, problems

DOMAINS = 'domains = ["*.example.com"]'
CASES = [
    ('after = "24h"', "hosts.fail_closed[0]", "reaches no host"),
    ('after = "9m"\nhosts = ["*"]', "hosts.fail_closed[0].after", "one missed call"),
    ('after = "soon"\nhosts = ["*"]', "hosts.fail_closed[0].after", "is not a duration"),
    ('after = "24h"\nhosts = ["db 1"]', "hosts.fail_closed[0].hosts[0]", "is not one pattern"),
    ('after = "24h"\nhosts = ["*.example.org"]', "hosts.fail_closed[0].hosts[0]", "no host's name here"),
    ('after = "24h"\nlabels = { zone = [] }', "hosts.fail_closed[0].labels.zone", "so it reaches no host"),
]


@pytest.mark.parametrize(("lines", "path", "said"), CASES)
def test_a_mistake_is_told_by_its_key(lines: str, path: str, said: str) -> None:
    found = errors_in(problems(edited(DOMAINS, f"{DOMAINS}\n[[hosts.fail_closed]]\n{lines}")))
    assert [(each.path, said in str(each)) for each in found] == [(path, True)], list(map(str, found))
