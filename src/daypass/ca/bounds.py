"""How long certificates may be: the configuration's lifetimes, and the times that a request asks for."""

from __future__ import annotations

from msgspec import Struct

from daypass.config import LifetimeSection
from daypass.errors import Denied, Invalid
from daypass.model import Request, parse_duration

__all__ = ["Bounds", "span", "too_short"]


class Bounds(Struct, frozen=True):
    """Seconds. `user` and `host` are what is given unasked, the ceilings are what nothing exceeds."""

    user: int
    host: int
    floor: int
    user_ceiling: int
    host_ceiling: int
    backdate: int

    @classmethod
    def compile(cls, section: LifetimeSection) -> Bounds:
        return cls(*(parse_duration(getattr(section, name)) for name in cls.__struct_fields__))


def span(request: Request, now: int, default: int) -> tuple[int, int]:
    """Start and end that are asked for. Raises Invalid."""
    start = now if request.valid_after is None else request.valid_after
    end = request.valid_before
    if end is None:
        end = start + (request.lifetime if request.lifetime is not None else default)
    if end <= max(start, now):
        raise Invalid("the certificate would end before it starts", code="policy.validity")
    return start, end


def too_short() -> Denied:
    return Denied("a certificate this short is not given", code="policy.lifetime", hint="ask for more time")
