"""A table of cloud instances -> its provisioner."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import httpx2

from daypass.ca.ports import Clock, Provisioner
from daypass.config import CloudSection
from daypass.errors import Misconfigured
from daypass.provisioners.aws import AwsProvisioner
from daypass.provisioners.awsapi import AwsApi
from daypass.provisioners.azure import AzureProvisioner
from daypass.provisioners.cloudapi import AzureApi, GoogleApi
from daypass.provisioners.gcp import GcpProvisioner

__all__ = ["cloud", "require_library"]


def cloud(
    section: CloudSection, ca_id: bytes, secret: Callable[[], bytes], clock: Clock, http: httpx2.AsyncClient
) -> Provisioner:
    """Raises Misconfigured where the library for it is missing."""
    require_library(section)
    if section.type == "aws":
        return AwsProvisioner(section, clock, AwsApi().tags)
    if section.type == "gcp":
        return GcpProvisioner(section, ca_id, clock, http, GoogleApi(http).tags)
    return AzureProvisioner(section, ca_id, secret, clock, http, AzureApi(http).look)


def require_library(section: CloudSection) -> None:
    if section.type == "aws" and section.tags and find_spec("botocore") is None:
        raise Misconfigured(
            f'clouds "{section.name}" has tags = true, and the library for it is not installed here',
            code="cloud.library",
            hint='pip install "daypass[ca,aws]"',
        )
