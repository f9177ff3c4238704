"""Instances of AWS, Google and Azure: what each shows, tampered, stale, of another one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options
from tests.parts.clouds import (
    ACCOUNT,
    GUID,
    SECRET,
    TENANT,
    VM,
    aws_document,
    aws_word,
    azure_document,
    azure_word,
    files,
    google_token,
    identity_token,
    pkcs7,
    signer,
    web,
)
from tests.parts.jose import stranger
from tests.provisioners.desk import CA_ID, KEY, NOW, OTHER_KEY, StillClock

from daypass.config import CloudSection
from daypass.errors import DaypassError, Denied, Invalid, Unauthenticated, Unavailable
from daypass.model import Credential, Proof, Secret
from daypass.provisioners.aws import AwsProvisioner
from daypass.provisioners.azure import AzureProvisioner
from daypass.provisioners.certfile import CertificateFile
from daypass.provisioners.cloudapi import Looked, Machine
from daypass.provisioners.gcp import GcpProvisioner
from daypass.provisioners.instance import Instance
from daypass.provisioners.pkcs7 import Signed
from daypass.wire import PublicKey
from daypass.wire.clouddocs import AwsWord, AzureWord

NAME = "{instance}.example.com"
BAD = {"Star": "*", "Space": " x", "Escape": "a\x1b[2J", "Long": "x" * 257}
AGO = NOW - 30


class Office:
    """Three clouds in front of one CA."""

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self.aws_file, self.azure_file = files(folder)
        self.runner, self.clock, self.http = runner, StillClock(), web()
        self.proven: list[tuple[Any, ...]] = []

    async def prove(
        self, where: str, keys: Sequence[PublicKey], networks: Sequence[str], *, port: int, caller: str
    ) -> None:
        self.proven.append((where, keys, networks, port, caller))

    async def aws_tags(self, _region: str, _instance: str) -> Mapping[str, str]:
        return {"Name": "web-7", "tier": "gold *", "Dotted": "a.b", "Upper": "WEB", **BAD}

    async def google_tags(self, instance: Instance) -> Mapping[str, str]:
        return {"tier": instance.values["name"]}

    async def look(self, machine: Machine) -> Looked:
        vm = VM if machine.name == "web-1" else GUID
        return Looked(vm, "westeurope", NOW - 60, {"tier": "gold"})

    def aws(self, **change: Any) -> AwsProvisioner:
        table: dict[str, Any] = {"name": "aws", "type": "aws", "accounts": [ACCOUNT], "host_name": NAME,
                 "certificates": self.aws_file} | change  # fmt: skip
        return AwsProvisioner(CloudSection(**table), self.clock, self.aws_tags, self.prove)

    def gcp(self, **change: Any) -> GcpProvisioner:
        table: dict[str, Any] = {
            "name": "gcp",
            "type": "gcp",
            "accounts": ["shop-prod"],
            "host_name": "{name}.example.com",
        } | change
        return GcpProvisioner(CloudSection(**table), CA_ID, self.clock, self.http, self.google_tags, self.prove)

    def azure(self, **change: Any) -> AzureProvisioner:
        table: dict[str, Any] = {"name": "azure", "type": "azure", "accounts": [GUID], "host_name": NAME,
                 "certificates": self.azure_file} | change  # fmt: skip
        section = CloudSection(**table)
        return AzureProvisioner(section, CA_ID, lambda: SECRET, self.clock, self.http, self.look, self.prove)

    def show(self, provisioner: Any, token: str, **change: Any) -> Proof:
        fields: dict[str, Any] = {"keys": (KEY,), "act": b"enrol", "possessed": True, "address": "10.0.0.7"} | change
        found: Proof = self.runner.run(provisioner.authenticate(Credential(Secret(token), **fields)))
        return found

    def refusal(self, provisioner: Any, token: str, **change: Any) -> str:
        with pytest.raises(DaypassError) as caught:
            self.show(provisioner, token, **change)
        assert isinstance(caught.value, Unauthenticated | Denied)
        return str(caught.value.code)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with asyncio.Runner() as runner:
        yield Office(tmp_path, runner)


NAMED = {"audience": "api://daypass", "tenants": [TENANT], "host_name": "{name}.{group}.example.com"}


def honest(cloud: str, at: float = AGO) -> str:
    if cloud == "aws":
        return aws_word(aws_document(at))
    return google_token(at, CA_ID, [KEY]) if cloud == "gcp" else azure_word(azure_document(at, CA_ID, [KEY]))


@pytest.mark.parametrize(
    ("cloud", "name", "instance", "bound"),
    [
        ("aws", "i-1234567890abcdef0.example.com", "aws:i-1234567890abcdef0", False),
        ("gcp", "web-1.example.com", "gcp:152986662232938449", True),
        ("azure", f"{VM}.example.com", f"azure:{VM}", True),
    ],
)
def test_an_instance_becomes_the_host_that_the_templates_say(
    office: Office, cloud: str, name: str, instance: str, bound: bool
) -> None:
    provisioner = getattr(office, cloud)(labels={"account": "{account}", "cloud": cloud})
    assert provisioner.recognises(honest(cloud))
    proof = office.show(provisioner, honest(cloud))
    assert proof.enrolment is not None
    assert (proof.enrolment.name, proof.enrolment.instance, proof.bound) == (name, instance, bound)
    assert proof.enrolment.labels["cloud"] == cloud
    assert proof.once.id == f"instance:{instance.partition(':')[2]}"
    assert office.show(provisioner, honest(cloud, AGO - 1)).once == proof.once, "one certificate set for an instance"


def test_an_instance_whose_start_nobody_knows_is_remembered_for_ever(office: Office) -> None:
    """Else whoever reads its documents once its use is forgotten could take the host's name (trust 5.1)."""
    assert office.show(office.azure(), honest("azure")).expires_at > NOW + 50 * 365 * 86400
    assert office.show(office.aws(), honest("aws")).expires_at < NOW + 86400


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_who_does_not_hold_the_keys_or_wants_something_else_is_refused(office: Office, cloud: str) -> None:
    provisioner = getattr(office, cloud)()
    assert office.refusal(provisioner, honest(cloud), possessed=False) == "cloud.possession"
    assert office.refusal(provisioner, honest(cloud), act=b"login") == "cloud.act"


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_other_clouds_documents_are_nobody_s_here(office: Office, cloud: str) -> None:
    provisioner = getattr(office, cloud)()
    for other in {"aws", "gcp", "azure"} - {cloud}:
        assert not provisioner.recognises(honest(other))
        assert office.refusal(provisioner, honest(other)).startswith(("cloud.", "oidc."))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"accountId": "999999999999"}, "cloud.account"),
        ({"accountId": 123456789012}, "cloud.document"),
        ({"region": "us-east-1", "availabilityZone": "us-east-1a"}, "cloud.region"),
        ({"region": "us-east-1"}, "cloud.document"),
        ({"instanceId": "i-1/../../x"}, "cloud.document"),
        ({"instanceId": "absent"}, "cloud.document"),
        ({"instanceId": "i-1234567890abcdef0\n"}, "cloud.document"),
        ({"version": "2010-08-31"}, "cloud.document"),
        ({"privateIp": "10.0.0.8"}, "cloud.address"),
        ({"privateIp": "999.0.0.8"}, "cloud.document"),
        ({"pendingTime": "2026-13-01T00:00:00Z"}, "cloud.document"),
        ({"pendingTime": "2027-01-15T08:00:00"}, "cloud.document"),
        ({"pendingTime": "2027-01-15T07:45:00Z"}, "cloud.age"),
        ({"pendingTime": "2027-01-15T08:02:00Z"}, "cloud.time"),
    ],
)
def test_what_aws_has_signed_of_another_instance_is_refused(
    office: Office, change: dict[str, Any], code: str
) -> None:
    aws = office.aws(regions=["eu-central-1"])
    assert office.refusal(aws, aws_word(aws_document(AGO, **change))) == code


def test_an_aws_document_that_was_changed_in_any_field_is_refused(office: Office) -> None:
    word, aws = AwsWord.decode(aws_word(aws_document(AGO), options=[PKCS7Options.DetachedSignature])), office.aws()
    assert office.show(aws, word.encode()).enrolment is not None
    for field in aws_document(AGO):
        at = word.document.index(f'"{field}"'.encode()) + len(field) + 5
        changed = word.document[:at] + bytes([word.document[at] ^ 1]) + word.document[at + 1 :]
        assert office.refusal(aws, AwsWord(changed, word.signature).encode()) == "cloud.signature"


@pytest.mark.parametrize(
    "token",
    [
        aws_word(aws_document(AGO), by="somebody else"),
        AwsWord(b"{}", AwsWord.decode(aws_word(aws_document(AGO))).signature).encode(),
        "aws1.e30.e30", "aws1.e30", aws_word(b"\xff"), aws_word(b"[]"),
        aws_word(b'{"accountId":"1","accountId":"2"}'),
    ],
)  # fmt: skip
def test_what_aws_has_not_signed_or_can_not_be_read_is_refused(office: Office, token: str) -> None:
    assert office.refusal(office.aws(), token) in ("cloud.signature", "cloud.document")


def test_an_instance_calls_from_its_own_address_or_from_where_the_operator_says(office: Office) -> None:
    assert office.refusal(office.aws(), honest("aws"), address="10.0.0.8") == "cloud.address"
    assert office.refusal(office.aws(), honest("aws"), address="") == "cloud.address"
    office.show(office.aws(networks=["192.0.2.0/24"]), honest("aws"), address="192.0.2.9")


def test_tags_name_and_label_a_host_and_never_more_than_one_word_of_a_name(office: Office) -> None:
    aws = office.aws(tags=True, host_name="{tag:Name}.example.com", labels={"tier": "{tag:tier}"})
    proof = office.show(aws, honest("aws"))
    assert proof.enrolment is not None
    assert (proof.enrolment.name, proof.enrolment.labels) == ("web-7.example.com", {"tier": "gold *"})
    whole = office.show(office.aws(tags=True, host_name="{tag:Dotted}"), honest("aws")).enrolment
    assert whole is not None
    assert whole.name == "a.b"
    for template, code in (("Dotted", "cloud.field"), ("None", "cloud.field"), ("Upper", "cloud.name")):
        table = office.aws(tags=True, host_name=f"{{tag:{template}}}.example.com")
        assert office.refusal(table, honest("aws")) == code


@pytest.mark.parametrize("tag", BAD)
def test_a_label_is_never_what_policy_or_a_terminal_would_take_for_something_else(office: Office, tag: str) -> None:
    aws = office.aws(tags=True, labels={"tier": f"{{tag:{tag}}}"})
    assert office.refusal(aws, honest("aws")) == "cloud.label"


@pytest.mark.parametrize(("cloud", "address"), [("aws", "10.0.0.7"), ("gcp", "192.0.2.1"), ("azure", "192.0.2.1")])
def test_where_the_table_wants_it_the_keys_are_looked_at_at_the_instance_s_own_port_22(
    office: Office, cloud: str, address: str
) -> None:
    caller = address if cloud == "aws" else "192.0.2.1"
    office.show(getattr(office, cloud)(port22=True), honest(cloud), address=caller)
    assert office.proven == [(address, (KEY,), [address], 22, caller)]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (google_token(AGO, CA_ID, [OTHER_KEY]), "cloud.audience"),
        (google_token(AGO, CA_ID, [KEY, OTHER_KEY]), "cloud.audience"),
        (google_token(AGO, bytes(32), [KEY]), "cloud.audience"),
        (google_token(AGO, CA_ID, [KEY], aud=["x"]), "cloud.audience"),
        (google_token(AGO, CA_ID, [KEY], iss="https://accounts.example.com"), "cloud.issuer"),
        (google_token(AGO, CA_ID, [KEY], by=stranger()), "oidc.key"),
        (google_token(AGO, CA_ID, [KEY], google={}), "cloud.document"),
        (google_token(AGO, CA_ID, [KEY], engine={"project_id": "other-prod"}), "cloud.account"),
        (google_token(AGO, CA_ID, [KEY], engine={"zone": "europe-west3-a"}), "cloud.region"),
        (google_token(AGO, CA_ID, [KEY], engine={"instance_name": "Web.1"}), "cloud.document"),
        (google_token(AGO, CA_ID, [KEY], engine={"instance_id": 7}), "cloud.document"),
        (google_token(AGO, CA_ID, [KEY], engine={"instance_creation_timestamp": NOW - 901}), "cloud.age"),
        (google_token(AGO, CA_ID, [KEY], engine={"instance_creation_timestamp": NOW + 120}), "cloud.time"),
        (google_token(AGO, CA_ID, [KEY], engine={"instance_creation_timestamp": "1"}), "cloud.document"),
        (google_token(AGO, CA_ID, [KEY], engine={"instance_creation_timestamp": 0}), "cloud.document"),
        (google_token(AGO, CA_ID, [KEY], sub="1"), "cloud.service-account"),
        (google_token(NOW - 601, CA_ID, [KEY]), "cloud.time"),
        (google_token(NOW + 61, CA_ID, [KEY]), "cloud.time"),
        (google_token(AGO, CA_ID, [KEY], exp=NOW - 61), "cloud.time"),
        (google_token(AGO, CA_ID, [KEY], iat="x"), "cloud.time"),
    ],
)
def test_a_google_token_that_is_not_for_this_ca_these_keys_and_now_is_refused(
    office: Office, token: str, code: str
) -> None:
    gcp = office.gcp(regions=["us-west1"], service_accounts=["107517467455664443766"])
    office.show(gcp, honest("gcp"))
    assert office.refusal(gcp, token) == code


def test_no_use_outlasts_what_the_cloud_signed(office: Office) -> None:
    assert office.show(office.gcp(), honest("gcp")).expires_at == AGO + 600


def test_an_attested_document_that_was_changed_in_any_field_is_refused(office: Office) -> None:
    word, azure = AzureWord.decode(honest("azure")), office.azure()
    for value in azure_document(AGO, CA_ID, [KEY]).values():
        for text in value.values() if isinstance(value, dict) else [value]:
            if text:
                at = word.signature.index(f'"{text}"'.encode()) + len(text)
                changed = word.signature[:at] + bytes([word.signature[at] ^ 1]) + word.signature[at + 1 :]
                assert office.refusal(azure, AzureWord(changed).encode()) == "cloud.signature"


def test_a_google_project_goes_by_its_number_too(office: Office) -> None:
    gcp = office.gcp(accounts=["739419398126"], tags=True, labels={"tier": "{tag:tier}"})
    proof = office.show(gcp, honest("gcp"))
    assert proof.enrolment is not None
    assert proof.enrolment.labels == {"tier": "web-1"}
    assert not office.gcp(accounts=["other"]).recognises(honest("gcp"))


def changed(**change: Any) -> Callable[[], str]:
    return lambda: azure_word(azure_document(AGO, CA_ID, [KEY], **change))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: azure_word(azure_document(AGO, CA_ID, [OTHER_KEY])), "cloud.challenge"),
        (lambda: azure_word(azure_document(AGO, bytes(32), [KEY])), "cloud.challenge"),
        (lambda: azure_word(azure_document(NOW - 700, CA_ID, [KEY])), "cloud.challenge"),
        (changed(nonce="0123456789"), "cloud.challenge"),
        (changed(nonce=None), "cloud.challenge"),
        (changed(subscriptionId=VM), "cloud.account"),
        (changed(vmId="x"), "cloud.document"),
        (changed(vmId=None), "cloud.document"),
        (changed(vmId=VM + "x"), "cloud.document"),
        (changed(timeStamp={"createdOn": "01/15/27 01:00:00 -0000", "expiresOn": "01/15/27 07:00:00 -0000"}),
         "cloud.time"),
        (changed(timeStamp={}), "cloud.document"),
        (changed(timeStamp={"createdOn": "01/15/27 09:00:00 -0000", "expiresOn": "01/15/27 15:00:00 -0000"}),
         "cloud.time"),
        (changed(timeStamp={"createdOn": "01/14/27 02:00:00 -0000", "expiresOn": "01/20/27 15:00:00 -0000"}),
         "cloud.time"),
        (lambda: azure_word(azure_document(AGO, CA_ID, [KEY]), dns="metadata.azure.com.example.com"),
         "cloud.signature"),
        (lambda: azure_word(azure_document(AGO, CA_ID, [KEY]), dns="xmetadata.azure.com"), "cloud.signature"),
        (lambda: azure_word(azure_document(AGO, CA_ID, [KEY]), root="another root"), "cloud.signature"),
        (lambda: "azure1.e30", "cloud.signature"),
    ],
)  # fmt: skip
def test_an_attested_document_that_is_not_for_this_ca_these_keys_and_now_is_refused(
    office: Office, make: Callable[[], str], code: str
) -> None:
    assert office.refusal(office.azure(), make()) == code


def test_a_challenge_holds_into_the_next_five_minutes(office: Office) -> None:
    token = azure_word(azure_document(NOW, CA_ID, [KEY]))
    office.clock.time = NOW + 599
    office.show(office.azure(), token)
    office.clock.time = NOW + 600
    assert office.refusal(office.azure(), token) == "cloud.challenge"


def test_the_managed_identity_names_the_machine_and_its_resource_group(office: Office) -> None:
    azure = office.azure(**NAMED, resource_groups=["shop"], tags=True, labels={"tier": "{tag:tier}"})
    document = azure_document(AGO, CA_ID, [KEY])
    proof = office.show(azure, azure_word(document, identity_token(AGO)))
    assert proof.enrolment is not None
    assert proof.enrolment.name == "web-1.shop.example.com"
    assert proof.enrolment.labels == {"tier": "gold"}
    for token, code in {
        "": "cloud.identity",
        identity_token(AGO, aud="https://management.azure.com/"): "cloud.audience",
        identity_token(AGO, tid=VM): "cloud.tenant",
        identity_token(AGO, iss=f"https://sts.windows.net/{VM}/"): "cloud.issuer",
        identity_token(AGO, by=stranger()): "oidc.key",
        identity_token(AGO, exp=NOW - 61): "cloud.time",
        identity_token(AGO - 26 * 3600, exp=NOW + 60): "cloud.time",
        identity_token(AGO, name="web-1/extensions/x"): "cloud.identity",
        identity_token(AGO, nbf=NOW + 61): "cloud.time",
        identity_token(AGO, name="web-2"): "cloud.identity",  # another machine's, as Azure itself says
        identity_token(AGO, xms_mirid="/subscriptions/x"): "cloud.identity",
        identity_token(AGO, xms_mirid=identity_resource(VM)): "cloud.identity",
    }.items():
        assert office.refusal(azure, azure_word(document, token)) == code
    elsewhere = office.azure(**NAMED, resource_groups=["bank"])
    assert office.refusal(elsewhere, azure_word(document, identity_token(AGO))) == "cloud.group"


def identity_resource(subscription: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/web-1"


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_file_of_certificates_that_is_missing_is_told_and_heals(office: Office, cloud: str) -> None:
    provisioner, file = getattr(office, cloud)(), Path(getattr(office, f"{cloud}_file"))
    good = file.read_bytes()
    for content in (None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(Unavailable):
            office.show(provisioner, honest(cloud))
        assert not office.runner.run(provisioner.test())[0].ok
    file.write_bytes(good)
    office.show(provisioner, honest(cloud))
    assert office.runner.run(provisioner.test())[0].ok


def test_certificates_count_in_their_time_only_and_a_file_has_a_size(office: Office) -> None:
    path = Path(office.aws_file)
    file = CertificateFile(path, "certificates")
    assert [len(file.at(datetime(year, 1, 2, tzinfo=UTC).timestamp())) for year in (2019, 2026, 2040)] == [0, 1, 0]
    path.write_bytes(path.read_bytes() + b"\n" * 1024 * 1024)
    with pytest.raises(Unavailable):
        file.at(NOW)


def test_openssl_says_the_same_of_a_signature(tmp_path: Path) -> None:
    """The second opinion, on what openssl itself has written, too: BER of indefinite length, as AWS writes it."""
    certificate, key = signer("aws region")
    from tests.parts.x509 import pem

    (tmp_path / "cert").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "key").write_bytes(pem(key))  # type: ignore[arg-type]
    (tmp_path / "doc").write_bytes(b'{"a": 1}\n')

    def openssl(*words: str) -> int:
        return subprocess.run(["openssl", "cms", *words], cwd=tmp_path, capture_output=True, check=False).returncode

    for options in ([], ["-stream"], ["-noattr"], ["-nocerts", "-stream"]):
        words = ["-sign", "-binary", "-nodetach", "-in", "doc", "-signer", "cert", "-inkey", "key", "-outform", "DER"]
        assert openssl(*words, "-out", "signed", *options) == 0
        signed = Signed.parse((tmp_path / "signed").read_bytes())
        assert signed.verified(signed.signer([certificate])) == b'{"a": 1}\n'
    ours = pkcs7(b'{"a": 1}\n', (certificate, key), [])
    for at in (None, -1, -200, ours.index(b'{"a"') + 2):
        data = ours if at is None else ours[:at] + bytes([ours[at] ^ 1]) + (ours[at + 1 :] if at != -1 else b"")
        (tmp_path / "mine").write_bytes(data)
        theirs = openssl("-verify", "-noverify", "-inform", "DER", "-in", "mine", "-certfile", "cert", "-binary") == 0
        assert theirs == _passes(data, certificate) == (at is None)


def _passes(data: bytes, certificate: Any) -> bool:
    try:
        signed = Signed.parse(data)
        signed.verified(signed.signer([certificate]))
    except Invalid:
        return False
    return True
