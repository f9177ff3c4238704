"""The one error tree.

    DaypassError
      Invalid          the request or input itself is wrong; sending it again will not help
      Unauthenticated  who you are could not be established
      Denied           who you are is known, and the answer is no
      NotFound         what was named does not exist
      Conflict         it clashes with what is already there
      Throttled        too much, too fast; `retry_after` says when
      Unavailable      something it depends on is down; the same request may succeed later
      Misconfigured    the operator has to change something
      Internal         a fault of ours

Split by who must act. `code` is stable and meant for machines, `message` is safe to show to anyone (never a
secret), `hint` says what to do next.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is a third of what `daypass status` may cost; only the type checker needs it
if TYPE_CHECKING:
    from typing import ClassVar

__all__ = [
    "Conflict",
    "DaypassError",
    "Denied",
    "Internal",
    "Invalid",
    "Misconfigured",
    "NotFound",
    "Throttled",
    "Unauthenticated",
    "Unavailable",
]


class DaypassError(Exception):
    """Base of every error that reaches a person or a client."""

    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.retry_after = retry_after


class Invalid(DaypassError):
    default_code = "invalid"


class Unauthenticated(DaypassError):
    default_code = "unauthenticated"


class Denied(DaypassError):
    """`role` and `condition` (its key in the configuration): the rule that said no, where it was one role's."""

    default_code = "denied"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retry_after: int | None = None,
        role: str = "",
        condition: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint, retry_after=retry_after)
        self.role, self.condition = role, condition


class NotFound(DaypassError):
    default_code = "not-found"


class Conflict(DaypassError):
    default_code = "conflict"


class Throttled(DaypassError):
    default_code = "throttled"


class Unavailable(DaypassError):
    default_code = "unavailable"


class Misconfigured(DaypassError):
    default_code = "misconfigured"


class Internal(DaypassError):
    default_code = "internal"
