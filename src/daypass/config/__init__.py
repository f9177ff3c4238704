"""The CA's configuration: one TOML file (`config_version = 1`), its types, and every mistake in it at once.

`load` is all that a program needs; `problems` is what an editor or `daypass ca check-config` shows.
"""

from daypass.config.callbacks import CALLBACK, callbacks, loopback_path
from daypass.config.document import policy_document, policy_hash
from daypass.config.problem import Problem, Severity, errors_in, warnings_in
from daypass.config.published import as_toml, from_toml, merged, require_sound
from daypass.config.reading import load, problems, rebased
from daypass.config.schema import (
    CaSection,
    Config,
    EndingsSection,
    EventSection,
    FailClosedSection,
    HostsSection,
    KeySection,
    LifetimeSection,
    PagesSection,
    ProviderSection,
    RecheckSection,
    RoleSection,
    ScimSection,
    SignalsSection,
)

__all__ = [
    "CALLBACK",
    "CaSection",
    "Config",
    "EndingsSection",
    "EventSection",
    "FailClosedSection",
    "HostsSection",
    "KeySection",
    "LifetimeSection",
    "PagesSection",
    "Problem",
    "ProviderSection",
    "RecheckSection",
    "RoleSection",
    "ScimSection",
    "Severity",
    "SignalsSection",
    "as_toml",
    "callbacks",
    "errors_in",
    "from_toml",
    "load",
    "loopback_path",
    "merged",
    "policy_document",
    "policy_hash",
    "problems",
    "rebased",
    "require_sound",
    "warnings_in",
]
