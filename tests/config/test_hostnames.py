"""Short names, addresses and bastions in the configuration: what is refused, by which key, and what is said."""

from __future__ import annotations

import pytest
from tests.config.sample import GOOD, edited

from daypass.config import errors_in, problems, warnings_in

DOMAINS = 'domains = ["*.example.com"]'
BASTION = '\n[[bastions]]\nname = "in"\nvia_hosts = ["gate-*.example.com"]\nhosts = ["db-*.example.com"]\n'

HOSTS = [
    ('short_names = "com"', "hosts.short_names", "is not a domain"),
    ('short_names = "*.example.com"', "hosts.short_names", 'did you mean "example.com"?'),
    ('short_names = "Example.com"', "hosts.short_names", 'did you mean "example.com"?'),
    ('short_names = "example.org"', "hosts.short_names", 'add "*.example.org"'),
    ('short_names = "example.com."', "hosts.short_names", 'did you mean "example.com"?'),
    ("short_names = true", "hosts.short_names", "must be text in quotes"),
    ('addresses = ["10.0.0.7/8"]', "hosts.addresses[0]", 'did you mean "10.0.0.0/8"?'),
    ('addresses = ["0.0.0.0/0"]', "hosts.addresses[0]", "wider than any network"),
    ('addresses = ["10.0.0.0/7"]', "hosts.addresses[0]", "wider than any network"),
    ('addresses = ["::/0"]', "hosts.addresses[0]", "wider than any network"),
    ('addresses = ["fe80::1%eth0"]', "hosts.addresses[0]", "has a zone"),
    ('addresses = ["db-1"]', "hosts.addresses[0]", "is not a network"),
    ('addresses = ["10.0.0.0/8", "10.0.0.0/8"]', "hosts.addresses[1]", "is listed twice"),
]


@pytest.mark.parametrize(("line", "path", "said"), HOSTS)
def test_a_mistake_in_the_names_of_hosts_is_told_by_its_key(line: str, path: str, said: str) -> None:
    found = errors_in(problems(edited(DOMAINS, f"{DOMAINS}\n{line}")))
    assert [(each.path, said in str(each)) for each in found] == [(path, True)], list(map(str, found))


@pytest.mark.parametrize(
    "lines",
    [
        'short_names = "example.com"',
        'short_names = "eu.example.com"',
        'addresses = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"]',
    ],
)
def test_a_domain_of_ours_and_our_own_networks_are_good(lines: str) -> None:
    assert problems(edited(DOMAINS, f"{DOMAINS}\n{lines}")) == []


def test_a_short_name_that_could_be_two_hosts_is_refused() -> None:
    text = edited(DOMAINS, 'domains = ["*.example.com", "db-1"]\nshort_names = "example.com"')
    assert [each.path for each in errors_in(problems(text))] == ["hosts.domains[1]"]


BASTIONS = [
    ('name = "in"', 'name = "In side"', "bastions[0].name", "is not a name"),
    ('via_hosts = ["gate-*.example.com"]', "", "bastions[0]", "has no bastion"),
    ('hosts = ["db-*.example.com"]', "", "bastions[0]", "leads to no host"),
    ('["gate-*.example.com"]', '["*"]', "bastions[0].via_hosts", "has every host be a bastion"),
    ('["gate-*.example.com"]', '["gate"]', "bastions[0].via_hosts[0]", 'did you mean "gate.example.com"?'),
    ('["db-*.example.com"]', '["10.0.0.7"]', "bastions[0].hosts[0]", "is an address"),
    ('["db-*.example.com"]', '["*"]\nlabels = { zone = [] }', "bastions[0].labels.zone", "so they lead to no host"),
    ('["db-*.example.com"]', '["*"]\nvia_labels = { use = ["*"] }', "bastions[0].via_labels.use[0]", "no pattern"),
    ('["db-*.example.com"]', '["*"]\nport = 22', "bastions[0].port", "there is no such key"),
]


@pytest.mark.parametrize(("old", "new", "path", "said"), BASTIONS)
def test_a_mistake_in_a_bastion_is_told_by_its_key(old: str, new: str, path: str, said: str) -> None:
    assert old in BASTION
    found = errors_in(problems(GOOD + BASTION.replace(old, new)))
    assert [(each.path, said in str(each)) for each in found] == [(path, True)], list(map(str, found))


def test_bastions_by_patterns_and_labels_are_good() -> None:
    labels = 'via_labels = { use = ["gate"] }\nlabels = { zone = ["inside"] }\n'
    assert problems(GOOD + BASTION + f'[[bastions]]\nname = "b"\n{labels}') == []


def test_two_of_one_name_are_refused() -> None:
    assert [each.path for each in errors_in(problems(GOOD + BASTION + BASTION))] == ["bastions[1].name"]


def test_bastions_that_lead_to_each_other_are_warned_of() -> None:
    other = '[[bastions]]\nname = "out"\nvia_hosts = ["db-1.example.com"]\nhosts = ["gate-*.example.com"]\n'
    (warning,) = warnings_in(problems(GOOD + BASTION + other))
    assert warning.path == "bastions[1]" and "lead to each other" in str(warning)
