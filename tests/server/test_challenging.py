"""What a cloud instance is told to have signed: of its keys, of this CA, of now."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from tests.server.company import Company
from tests.server.kit import key

from daypass.wire import PublicKey
from daypass.wire.clouddocs import google_audience


def ask(company: Company, *keys: PublicKey) -> Any:
    return company.web.post("/v1/host/challenge", json={"keys": [b64encode(each.blob).decode() for each in keys]})


def test_a_host_is_told_a_number_and_an_audience_of_its_keys(company: Company) -> None:
    mine, other = key()[1], key()[1]
    told = ask(company, mine).json()
    assert told["audience"] == google_audience(company.heart.authority.ca_id, [mine])
    assert len(told["nonce"]) == 10
    assert told["resources"] == []
    assert ask(company, other).json()["nonce"] != told["nonce"]
    assert ask(company, mine, other).json()["audience"] == ask(company, other, mine).json()["audience"]


@pytest.mark.parametrize("keys", [[], ["AAAA"], ["x"], [""] * 9, "AAAA", [1]])
def test_what_are_no_keys_is_refused(company: Company, keys: Any) -> None:
    assert company.web.post("/v1/host/challenge", json={"keys": keys}).status_code == 400
