"""As whom a role lets people in, and how hosts make accounts for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import NewAccountsSection, RoleSection
from daypass.config.values import Fault, each
from daypass.model import PRIVILEGED_GROUPS, is_login_name

__all__ = ["OWN", "account_faults"]

OWN = "{login}"
_SHELL = re.compile(r"/[A-Za-z0-9._+/-]{1,254}")
_CLOSED = ("nologin", "false")


def account_faults(role: RoleSection, path: str) -> Iterator[Problem]:
    if not role.accounts:
        yield error(
            f"{path}.accounts", "is empty: the role lets nobody in", f'["{OWN}"] is each person\'s own account'
        )
    yield from each(f"{path}.accounts", role.accounts, _account_fault)
    if "root" in role.accounts:
        place = f"{path}.accounts[{role.accounts.index('root')}]"
        yield warning(place, "is root: whoever has this role has the whole host")
    if role.new_accounts is not None:
        yield from _new_accounts(role.new_accounts, f"{path}.new_accounts", own=OWN in role.accounts)


def _account_fault(account: str) -> Fault:
    if account == OWN or is_login_name(account):
        return None
    if account.startswith("{"):
        return f"{quoted(account)} stands for nothing", f'did you mean "{OWN}"?'
    hint = did_you_mean(account, [account.lower()]) if is_login_name(account.lower()) else ""
    return f"{quoted(account)} is not an account", hint or "a-z, 0-9 and ._- up to 32"


def _new_accounts(made: NewAccountsSection, path: str, *, own: bool) -> Iterator[Problem]:
    if not own:
        yield error(path, f'makes people\'s own accounts, and accounts has no "{OWN}"', "leave it out")
    shell = made.shell
    if not _SHELL.fullmatch(shell) or any(part in ("", ".", "..") for part in shell.split("/")[1:]):
        yield error(f"{path}.shell", f"{quoted(shell)} is not a shell", 'its whole path, like "/bin/bash"')
    elif shell.rpartition("/")[2] in _CLOSED:
        yield warning(f"{path}.shell", f"{quoted(shell)} lets nobody in")
    yield from each(f"{path}.groups", made.groups, _group_fault)
    yield from each(f"{path}.privileged_groups", made.privileged_groups, _group_name_fault)
    for index, group in enumerate(made.privileged_groups):
        if group in made.groups:
            yield error(f"{path}.privileged_groups[{index}]", f"{quoted(group)} stands in groups already")


def _group_name_fault(group: str) -> Fault:
    return None if is_login_name(group) else (f"{quoted(group)} is not a group", "a-z, 0-9 and ._- up to 32")


def _group_fault(group: str) -> Fault:
    if group in PRIVILEGED_GROUPS:
        return f"{quoted(group)} gives power over the host", "if that is meant, name it in privileged_groups"
    return _group_name_fault(group)
