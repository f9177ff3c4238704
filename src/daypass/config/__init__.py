"""The CA's configuration: one TOML file (`config_version = 1`), its types, and every mistake in it at once.

`load` is all that a program needs; `problems` is what an editor or `daypass ca check-config` shows.
"""

from daypass.config.callbacks import CALLBACK, callbacks, loopback_path, redirects
from daypass.config.document import policy_document, policy_hash
from daypass.config.problem import Problem, Severity, errors_in, warnings_in
from daypass.config.published import as_toml, from_toml, merged, require_sound
from daypass.config.reading import load, problems, rebased
from daypass.config.schema import (
    CaSection,
    CloudSection,
    Config,
    EndingsSection,
    EventSection,
    FailClosedSection,
    HostsSection,
    JwkSection,
    KeySection,
    LifetimeSection,
    PagesSection,
    PamSection,
    Port22Section,
    ProviderSection,
    RecheckSection,
    RoleSection,
    ScimSection,
    SignalsSection,
    WorkloadSection,
    X5cSection,
)
from daypass.config.ways import WAYS, WaySection, identifying, names_workloads, ways

__all__ = [
    "CALLBACK",
    "WAYS",
    "CaSection",
    "CloudSection",
    "Config",
    "EndingsSection",
    "EventSection",
    "FailClosedSection",
    "HostsSection",
    "JwkSection",
    "KeySection",
    "LifetimeSection",
    "PagesSection",
    "PamSection",
    "Port22Section",
    "Problem",
    "ProviderSection",
    "RecheckSection",
    "RoleSection",
    "ScimSection",
    "Severity",
    "SignalsSection",
    "WaySection",
    "WorkloadSection",
    "X5cSection",
    "as_toml",
    "callbacks",
    "errors_in",
    "from_toml",
    "identifying",
    "load",
    "loopback_path",
    "merged",
    "names_workloads",
    "policy_document",
    "policy_hash",
    "problems",
    "rebased",
    "redirects",
    "require_sound",
    "warnings_in",
    "ways",
]
