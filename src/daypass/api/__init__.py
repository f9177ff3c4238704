"""The whole HTTP contract, as types: what `server` answers, what `remote` asks, what the OpenAPI document says.

Routes marked `step` are the SSH API that `step` clients speak, served at `/` and at `/1.0/`; everything of our own
is under `/v1/` and only ever grows. Readers ignore fields they do not know.
Bytes travel as standard base64 with padding, times as RFC 3339 in UTC or as Go durations, as `step` sends them.
"""

from __future__ import annotations

from daypass.api import (
    administration,
    approvals,
    base,
    calls,
    configs,
    endings,
    explaining,
    fleet,
    hosts,
    inbound,
    joining,
    logins,
    my_hosts,
    ours,
    pam,
    persons,
    proofs,
    route,
    routes,
    scim,
    step,
    ways,
)
from daypass.api.administration import *
from daypass.api.approvals import *
from daypass.api.base import *
from daypass.api.calls import *
from daypass.api.configs import *
from daypass.api.endings import *
from daypass.api.explaining import *
from daypass.api.fleet import *
from daypass.api.hosts import *
from daypass.api.inbound import *
from daypass.api.joining import *
from daypass.api.logins import *
from daypass.api.my_hosts import *
from daypass.api.ours import *
from daypass.api.pam import *
from daypass.api.persons import *
from daypass.api.proofs import *
from daypass.api.route import *
from daypass.api.routes import *
from daypass.api.scim import *
from daypass.api.step import *
from daypass.api.ways import *

__all__: list[str] = []
__all__ += administration.__all__
__all__ += approvals.__all__
__all__ += base.__all__
__all__ += calls.__all__
__all__ += configs.__all__
__all__ += endings.__all__
__all__ += fleet.__all__
__all__ += hosts.__all__
__all__ += inbound.__all__
__all__ += joining.__all__
__all__ += logins.__all__
__all__ += explaining.__all__
__all__ += my_hosts.__all__
__all__ += ours.__all__
__all__ += pam.__all__
__all__ += persons.__all__
__all__ += proofs.__all__
__all__ += route.__all__
__all__ += routes.__all__
__all__ += scim.__all__
__all__ += step.__all__
__all__ += ways.__all__
