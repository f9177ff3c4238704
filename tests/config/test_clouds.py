"""What a table of cloud instances can mean, and what it can't."""

from __future__ import annotations

from typing import Any

import pytest
import tomli_w
from tests.config.test_mutations import GOOD

from daypass.config import problems
from daypass.config.templates import filled, template_fault

GUID = "5b1a7d0c-2f0e-4a39-9f0d-1f2e3d4c5b6a"
AWS: dict[str, Any] = {
    "name": "aws", "type": "aws", "accounts": ["123456789012"], "host_name": "{instance}.example.com",
    "certificates": "/etc/daypass/aws.pem",
}  # fmt: skip
GCP: dict[str, Any] = {"name": "gcp", "type": "gcp", "accounts": ["shop-prod"], "host_name": "{name}.example.com"}
AZURE: dict[str, Any] = {
    "name": "azure", "type": "azure", "accounts": [GUID], "host_name": "{instance}.example.com",
    "certificates": "/etc/daypass/azure.pem",
}  # fmt: skip
NAMED = {"audience": "api://daypass", "tenants": [GUID]}


def told(*tables: dict[str, Any]) -> list[str]:
    found = problems(tomli_w.dumps(GOOD | {"clouds": list(tables)}))
    return [each.path for each in found if each.path.startswith("clouds")]


@pytest.mark.parametrize(
    "table",
    [
        AWS,
        AWS | {"tags": True, "aliases": ["{tag:Name}.example.com"], "labels": {"tier": "{tag:tier}", "cloud": "aws"}},
        GCP | {"accounts": ["example.com:shop", "123456789012"], "service_accounts": ["112233445566"]},
        AZURE,
        AZURE | NAMED | {"host_name": "{name}.{group}.example.com", "resource_groups": ["Shop_1"]},
        AZURE | NAMED | {"regions": ["westeurope"], "tags": True},
    ],
)
def test_a_table_that_can_be_meant_is_accepted(table: dict[str, Any]) -> None:
    assert told(table) == []


@pytest.mark.parametrize(
    ("table", "at"),
    [
        (AWS | {"type": "amazon"}, ".type"),
        (AWS | {"accounts": []}, ".accounts"),
        (AWS | {"accounts": ["12345678901"]}, ".accounts[0]"),
        (AWS | {"accounts": ["*"]}, ".accounts[0]"),
        (AWS | {"certificates": ""}, ".certificates"),
        (AWS | {"certificates": "aws.pem"}, ".certificates"),
        (AWS | {"instance_age": "0s"}, ".instance_age"),
        (AWS | {"host_name": "{instance}.other.test"}, ".host_name"),
        (AWS | {"regions": ["EU"]}, ".regions[0]"),
        (AWS | {"networks": ["0.0.0.0/0"]}, ".networks[0]"),
        (AWS | {"host_name": "web.example.com"}, ".host_name"),
        (AWS | {"host_name": "{name}.example.com"}, ".host_name"),
        (AWS | {"host_name": "{tag:Name}.example.com"}, ".host_name"),
        (AWS | {"host_name": "{instance}.Example.com"}, ".host_name"),
        (AWS | {"host_name": "{instance.example.com"}, ".host_name"),
        (AWS | {"host_name": "{instance}}.example.com"}, ".host_name"),
        (AWS | {"host_name": "{}.example.com"}, ".host_name"),
        (AWS | {"aliases": ["{instance}"] * 2}, ".aliases[1]"),
        (AWS | {"labels": {"a=b": "{region}"}}, '.labels."a=b"'),
        (AWS | {"labels": {"tier": "{tag:tier}"}}, ".labels.tier"),
        (AWS | {"labels": {"tier": ""}}, ".labels.tier"),
        (AWS | {"tenants": [GUID]}, ".tenants"),
        (AWS | {"service_accounts": ["112233445566"]}, ".service_accounts"),
        (GCP | {"accounts": ["Shop"]}, ".accounts[0]"),
        (GCP | {"service_accounts": ["ci@shop.iam.gserviceaccount.com"]}, ".service_accounts[0]"),
        (GCP | {"certificates": "/etc/daypass/google.pem"}, ".certificates"),
        (GCP | {"networks": ["10.0.0.0/8"]}, ".networks"),
        (AZURE | {"accounts": [GUID.upper()]}, ".accounts[0]"),
        (AZURE | {"host_name": "{name}.example.com"}, ".audience"),
        (AZURE | {"resource_groups": ["shop"]}, ".audience"),
        (AZURE | {"tenants": [GUID]}, ".tenants"),
        (AZURE | {"audience": "api://daypass"}, ".tenants"),
        (AZURE | NAMED | {"audience": "https://management.azure.com/"}, ".audience"),
        (AZURE | NAMED | {"tenants": ["common"]}, ".tenants[0]"),
        (AZURE | NAMED | {"regions": ["westeurope"]}, ".tags"),
    ],
)
def test_a_table_that_can_not_be_meant_is_an_error_at_its_key(table: dict[str, Any], at: str) -> None:
    assert f"clouds[0]{at}" in told(table)


def test_an_instance_falls_under_one_table_whatever_their_order() -> None:
    assert told(AWS, AWS | {"name": "again"}) == ["clouds[1].accounts"]
    assert told(AWS | {"regions": ["eu-central-1"]}, AWS | {"name": "us", "regions": ["us-east-1"]}) == []


def test_a_template_says_what_the_instance_says_or_nothing() -> None:
    assert filled("{tag:Name}-{zone}.example.com", {"zone": "a"}, {"Name": "web"}) == "web-a.example.com"
    for template in ("{tag:name}.x", "{region}.x"):
        with pytest.raises(KeyError):
            filled(template, {"zone": "a", "region": ""}, {"Name": "web"})
    assert template_fault("{tag:{region}}", "aws", tags=True) is not None
