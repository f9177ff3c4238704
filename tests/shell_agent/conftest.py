"""A machine for agent.sh, as `tests.host` has it."""

from __future__ import annotations

from tests.host.conftest import box

__all__ = ["box"]
