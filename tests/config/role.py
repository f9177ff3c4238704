"""The sample with a third role, or with an operator, to try keys on."""

from __future__ import annotations

import re

from tests.config.sample import GOOD

from daypass.config import problems
from daypass.config.problem import Problem

__all__ = ["found", "operator", "provider", "role"]

ROLE = {"name": '"r"', "hosts": '["*"]', "groups": '["g"]', "accounts": '["app"]'}
OPERATOR = {"name": '"o"', "groups": '["g"]', "can": '["audit"]'}


def role(**keys: str) -> str:
    """A table of TOML. An empty value leaves the key out."""
    return _table("[[roles]]", ROLE | keys)


def operator(**keys: str) -> str:
    return _table("[[operators]]", OPERATOR | keys)


def provider(text: str, **keys: str) -> str:
    """The file with these keys in its provider."""
    before, head, after = text.partition("[[providers]]\n")
    for key, value in keys.items():
        after = f"{key} = {value}\n" + re.sub(rf"^{key} = .*\n", "", after, count=1, flags=re.MULTILINE)
    return before + head + after


def found(*tables: str, **provided: str) -> list[Problem]:
    """What is wrong with these tables, told from their first on: `roles[0]` is the first of them."""
    return problems(provider(GOOD[: GOOD.index("[[roles]]")], **provided) + "".join(tables))


def _table(head: str, keys: dict[str, str]) -> str:
    return "".join([f"{head}\n", *(f"{key} = {value}\n" for key, value in keys.items() if value)])
