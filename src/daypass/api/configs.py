"""Published configurations: the versions there are, what they hold, and putting another one in force."""

from __future__ import annotations

import msgspec

from daypass.api.route import admin_route

__all__ = [
    "CONFIG_ROUTES",
    "ConfigChange",
    "ConfigDiff",
    "ConfigDiffRequest",
    "ConfigDocument",
    "ConfigEntry",
    "ConfigLog",
    "ConfigLogRequest",
    "ConfigPublishRequest",
    "ConfigPublished",
    "ConfigRollbackRequest",
    "ConfigShowRequest",
]


class ConfigEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One version. `hash`: SHA-256 of its document, in hex."""

    version: int
    hash: str
    published_at: int
    actor: str
    comment: str = ""
    active: bool = False


class ConfigLogRequest(msgspec.Struct, frozen=True, kw_only=True):
    limit: int = 20


class ConfigLog(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    versions: list[ConfigEntry]


class ConfigShowRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`version`: the one in force, if it is left out."""

    version: int | None = None


class ConfigDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`document` is canonical JSON, what was hashed; `toml` the same for people. No secrets, nothing local."""

    entry: ConfigEntry
    document: str
    toml: str


class ConfigDiffRequest(msgspec.Struct, frozen=True, kw_only=True):
    """From `old` to `new`: to the one in force, from the one before that, where they are left out."""

    old: int | None = None
    new: int | None = None


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """`effect`: wider | narrower | different."""

    key: str
    effect: str
    text: str


class ConfigDiff(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown`: why the two can't be compared key by key, where they can't. `toml`: a unified diff."""

    old: int
    new: int
    changes: list[ConfigChange]
    toml: str
    unknown: str = ""


class ConfigPublishRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`toml`: as `ConfigDocument` gave it for version `base`, edited."""

    toml: str
    base: int
    comment: str = ""


class ConfigRollbackRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`base`: the version that is to be in force still, where that matters."""

    version: int
    base: int | None = None


class ConfigPublished(msgspec.Struct, frozen=True, kw_only=True):
    """`entry` is in force; `changed`: it was not before."""

    entry: ConfigEntry
    changed: bool
    changes: list[ConfigChange]
    unknown: str = ""


CONFIG_ROUTES = (
    admin_route("config_log", "audit", ConfigLogRequest, ConfigLog, "The published versions."),
    admin_route("config_show", "audit", ConfigShowRequest, ConfigDocument, "What a version holds."),
    admin_route("config_diff", "audit", ConfigDiffRequest, ConfigDiff, "What a version changed."),
    admin_route(
        "config_publish",
        "configure",
        ConfigPublishRequest,
        ConfigPublished,
        "Put another configuration in force.",
        two_persons=True,
    ),
    admin_route(
        "config_rollback",
        "configure",
        ConfigRollbackRequest,
        ConfigPublished,
        "Put an old version in force again, as the next one.",
        two_persons=True,
    ),
)
