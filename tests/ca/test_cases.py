"""A table of expected answers is held against the policy; a mistake in the table is told, never passed over."""

from __future__ import annotations

import pytest

from daypass.ca.cases import read_cases, run
from daypass.ca.policy import Policy
from daypass.config import RoleSection, WorkloadSection
from daypass.errors import Invalid
from tests.ca.samples import config

NOW = 1_800_000_000
ROLES = [
    RoleSection(name="dba", labels={"kind": ["db"]}, groups=["dba"], accounts=["sql"]),
    RoleSection(
        name="night", hosts=["*"], groups=["ops"], accounts=["root"], windows=["mon-sun 22:00-24:00 Europe/Berlin"]
    ),
]
TABLE = """
[people.alice]
email = "alice@example.com"
groups = ["dba"]
[people.otto]
groups = ["ops"]
[hosts."db-1"]
labels = { kind = "db" }
[hosts.web-1]
"""


def outcomes(*cases: str) -> list[tuple[bool, str, str]]:
    table = TABLE + "".join(f"\n[[cases]]\n{case}\n" for case in cases)
    return [
        (each.passed, each.got, each.role)
        for each in run(Policy(config(roles=ROLES)), read_cases(table.encode()), NOW)
    ]


@pytest.mark.parametrize(
    ("case", "passed", "got", "role"),
    [
        ('who="alice"\nat="sql@db-1"\nexpect="yes"', True, "yes", "dba"),
        ('who="alice@example.com"\nat="sql@db-1"\nexpect="yes"\nrole="dba"', True, "yes", "dba"),
        ('who="alice"\nat="sql@db-1"\nexpect="yes"\nrole="night"', False, "yes", "dba"),
        ('who="alice"\nat="sql@web-1"\nexpect="yes"', False, "no", "dba"),
        ('who="alice"\nat="sql@web-1"\nexpect="no"', True, "no", "dba"),
        ('who="otto"\nat="sql@db-1"\nexpect="no"\nrole="dba"', True, "no", "dba"),
        ('who="otto"\nat="root@web-1"\nexpect="yes"\nwhen=2026-11-23T22:30:00+01:00', True, "yes", "night"),
        ('who="otto"\nat="root@web-1"\nexpect="yes"\nwhen=2026-11-23T21:30:00', True, "yes", "night"),
        ('who="otto"\nat="root@web-1"\nexpect="yes"\nwhen=2026-11-23T12:00:00Z', False, "no", "night"),
    ],
)
def test_a_case_passes_if_answer_and_role_are_as_expected(case: str, passed: bool, got: str, role: str) -> None:
    assert outcomes(case) == [(passed, got, role)]


@pytest.mark.parametrize(("branch", "got"), [("refs/heads/main", "yes"), ("refs/pull/9/merge", "no")])
def test_a_job_is_tried_by_its_claims(branch: str, got: str) -> None:
    role = RoleSection(
        name="shop", hosts=["*"], provider="github", accounts=["deploy"],
        claims={"repository_id": ["74"], "ref": ["refs/heads/main"]},
    )  # fmt: skip
    policy = Policy(config(roles=[role], workloads=[WorkloadSection(name="github", type="github")]))
    table = f'''
        [people.job]
        provider = "github"
        claims = {{ repository_id = "74", ref = "{branch}" }}
        [hosts.web-1]
        [[cases]]
        who = "job"
        at = "deploy@web-1"
        expect = "{got}"
        '''
    [each] = run(policy, read_cases(table.encode()), NOW)
    assert (each.got, each.role) == (got, "shop")


def test_every_case_is_run_in_the_order_of_the_file() -> None:
    good, bad = (f'who="alice"\nat="sql@db-1"\nexpect="{each}"' for each in ("yes", "no"))
    assert [passed for passed, _, _ in outcomes(bad, good, bad)] == [False, True, False]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (b"", "no cases"),
        (b"\xff", "UTF-8"),
        (b"[[cases", "not TOML"),
        (b"a." * 3000 + b"b = 1", "too large"),
        (b"x = 1", "unknown field `x`"),
        (b'[[cases]]\nwho="a"\nat="b@c"\nexpect="yes"\nroles="x"', "unknown field `roles`"),
        (b"[people.a]\ngroup = ['x']", "unknown field `group`"),
        (b"[people.a]\ngroups = 'x'", "Expected `array`"),
        (TABLE.encode() + b'[[cases]]\nwho="bob"\nat="sql@db-1"\nexpect="yes"', 'nobody here is "bob"'),
        (TABLE.encode() + b'[[cases]]\nwho=""\nat="sql@db-1"\nexpect="yes"', "nobody here"),
        (TABLE.encode() + b'[[cases]]\nwho="alice"\nat="sql@db-2"\nexpect="yes"', "no host of this table"),
        (TABLE.encode() + b'[[cases]]\nwho="alice"\nat="db-1"\nexpect="yes"', "no host of this table"),
        (TABLE.encode() + b'[[cases]]\nwho="alice"\nat="sql@db-1"\nexpect="maybe"', 'expect is "yes" or "no"'),
    ],
)
def test_a_mistake_in_the_table_is_told(table: bytes, told: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_cases(table)
    assert told in raised.value.message
