"""A configuration put together: what clients are told of the providers, and which keys it takes to begin."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from daypass.api import OidcLogin, OidcProvisioner
from daypass.assemble import Held, KeyFiles, load_parts, opened, public_info
from daypass.config import Config, KeySection, ProviderSection, SignalsSection, load
from daypass.errors import Misconfigured, Unavailable
from daypass.founding import Plan, found
from daypass.founding.trust import describe, read_trust, replace_trust
from daypass.server.ports import PublicInfo
from daypass.signers.file import FileSigner
from daypass.signers.generate import generate_key_file, write_new

ISSUER = "https://id.example.com/realm/"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("ca") / "daypass.toml"
    found(Plan("Example", "https://ca.example.com", ("*.example.com",), file), now=1_800_000_000)
    return load(file)


def provider(**changes: object) -> ProviderSection:
    return ProviderSection(name="corp", issuer=ISSUER, client_id="dp", **changes)  # type: ignore[arg-type]


def told_of(config: Config) -> PublicInfo:
    parts = load_parts(config)
    return public_info(parts, config)


def login(config: Config, section: ProviderSection) -> OidcLogin:
    (told,) = told_of(replace(config, providers=[section])).logins
    return told


@pytest.mark.parametrize(("max_age", "seconds"), [("1h", 3600), ("", None)])
def test_clients_are_told_to_ask_for_a_recent_sign_in(config: Config, max_age: str, seconds: int | None) -> None:
    """A cookie in an open laptop is not a second factor (trust 3.7)."""
    assert login(config, provider(max_age=max_age)).max_age == seconds
    assert login(config, provider()).max_age is not None


def test_clients_are_told_what_the_provider_insists_on(config: Config) -> None:
    section = provider(
        redirect_host="localhost", redirect_ports=[8400, 8401], scopes=["openid", "groups"], client_secret="s"
    )
    assert login(config, section) == OidcLogin(
        name="corp", issuer=ISSUER, client_id="dp", client_secret="s", scopes=["openid", "groups"], max_age=3600,
        redirect_host="localhost", redirect_ports=[8400, 8401], hosted=True,
    )  # fmt: skip


def test_clients_are_told_of_the_device_grant_where_it_is_on(config: Config) -> None:
    told = login(config, provider(device_client_id="tv", device_client_secret="s"))
    assert (told.client_id, told.device_client_id, told.device_client_secret) == ("dp", "tv", "s")
    assert login(config, provider()).device_client_id == ""


def test_clients_are_told_whether_there_are_pages_to_sign_in_at_from_elsewhere(config: Config) -> None:
    assert login(config, provider()).hosted
    assert not login(replace(config, pages=None), provider()).hosted


def test_the_secret_of_the_pages_client_stays_at_the_ca(config: Config) -> None:
    info = told_of(replace(config, providers=[provider(web_client_id="w", web_client_secret="hunter2")]))
    assert b"hunter2" not in msgspec.json.encode([info.logins, info.provisioners])


def test_sign_ins_on_another_device_are_there_where_there_are_pages(config: Config) -> None:
    async def devices(config: Config) -> object:
        async with opened(load_parts(config)) as (heart, _):
            return heart.devices

    assert asyncio.run(devices(config)) is not None
    assert asyncio.run(devices(replace(config, pages=None))) is None


def test_step_is_told_the_same_in_its_own_words(config: Config) -> None:
    info = told_of(replace(config, providers=[provider(scopes=["openid"])]))
    (told,) = info.provisioners
    assert isinstance(told, OidcProvisioner)
    assert (told.name, told.clientID, told.clientSecret, told.scopes) == ("corp", "dp", "", ["openid"])
    assert told.configurationEndpoint == f"{ISSUER}.well-known/openid-configuration"


def test_step_is_told_of_renewals_only_where_that_is_wished(config: Config) -> None:
    """With it in the list, an unmodified `step ssh login` would ask which provisioner to use."""
    listed = replace(config, providers=[provider()], ca=replace(config.ca, list_sshpop=True))
    (_, told) = told_of(listed).provisioners
    assert msgspec.json.encode(told) == b'{"type":"SSHPOP","name":"sshpop","claims":{"enableSSHCA":true}}'


@pytest.mark.parametrize(("use", "other"), [("user", "host"), ("host", "user"), ("bundle", "user")])
def test_a_key_that_the_trust_document_has_for_another_use_stops_the_start(
    config: Config, use: str, other: str
) -> None:
    """One key for users and hosts would let a host's certificate log in."""
    files = {key.use: key.file for key in config.keys}
    keys = [KeySection(use=name, file=files[other if name == use else name]) for name in files]
    with pytest.raises(Misconfigured) as caught:
        load_parts(replace(config, keys=keys))
    assert caught.value.code == "trust.key"


def test_every_key_signs_what_it_is_for(config: Config) -> None:
    parts = load_parts(config)
    for name, signer in (("user_ca", parts.user), ("host_ca", parts.host), ("bundle", parts.bundle)):
        folder = Path(config.keys[0].file).parent
        assert signer.public_key.line() in (folder / f"{name}.pub").read_text()
    assert (parts.user_keys[0], parts.host_keys[0]) == (parts.user.public_key, parts.host.public_key)


def test_no_key_of_the_ca_is_a_subject_whatever_its_use(config: Config) -> None:
    async def scenario() -> None:
        parts = load_parts(config)
        async with opened(parts) as (heart, _):
            for signer in (parts.user, parts.host, parts.bundle):
                assert heart.force.current.rules.is_own(signer.public_key.blob)

    asyncio.run(scenario())


def test_what_a_provider_s_part_has_learned_outlives_versions_that_leave_it_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ca/daypass.toml"
    found(Plan("Example", "https://ca.example.com", ("*.example.com",), file), now=1_800_000_000)
    one, other = provider(), ProviderSection(name="other", issuer="https://other.example.com", client_id="dp")

    async def scenario() -> None:
        local = load(file)
        async with opened(load_parts(local), lambda: local) as (heart, public):

            async def published(*providers: ProviderSection) -> dict[str, object]:
                config = replace(local, providers=list(providers))
                await heart.configs.publish(config, actor="root", now=1_800_000_000)
                await heart.force.look()
                assert [each.name for each in public.now().logins] == [each.name for each in providers]
                return {each.name: each for each in heart.force.current.provisioners}

            first, second = await published(one), await published(one, other)
            assert first["corp"] is second["corp"]
            third = await published(replace(one, client_id="another"), other)
            assert third["corp"] is not second["corp"] and third["other"] is second["other"]

    asyncio.run(scenario())


def test_what_a_provider_sends_of_its_own_accord_is_taken_as_its_section_says(tmp_path: Path) -> None:
    file = tmp_path / "ca/daypass.toml"
    found(Plan("Example", "https://ca.example.com", ("*.example.com",), file), now=1_800_000_000)
    signals = SignalsSection(audience="a", poll_url="https://x.example.com/poll", poll_token_file="/etc/daypass/t")
    providers = [replace(provider(), logout=True, signals=signals),
                 ProviderSection(name="other", issuer="https://other.example.com", client_id="dp")]  # fmt: skip

    async def scenario() -> None:
        local = load(file)
        async with opened(load_parts(local), lambda: local) as (heart, _):
            await heart.configs.publish(replace(local, providers=providers), actor="root", now=1_800_000_000)
            await heart.force.look()
            taken = {name: (each.takes_logout, each.takes_events, each.feed is not None)
                     for name, each in heart.inbound.readers().items()}  # fmt: skip
            assert taken == {"corp": (True, True, True), "other": (False, False, False)}

    asyncio.run(scenario())


def test_a_process_whose_trust_document_is_no_good_issues_nothing_until_it_is(tmp_path: Path) -> None:
    """It is looked at again by itself: nobody has to start or tell the process anything."""
    for name in ("ours", "theirs"):
        plan = Plan("Example", "https://ca.example.com", ("*.example.com",), tmp_path / name / "daypass.toml")
        found(plan, now=1_800_000_000)
    local = load(tmp_path / "ours/daypass.toml")
    ours, theirs = local.ca.trust.read_bytes(), (tmp_path / "theirs/trust.json").read_bytes()

    async def scenario() -> None:
        async with opened(load_parts(local)) as (heart, public):
            for wrong in (theirs, ours.replace(b"example", b"exomple"), b"", b"{}"):
                local.ca.trust.write_bytes(wrong)
                await heart.force.look()
                with pytest.raises(Unavailable):
                    public.now()
                local.ca.trust.write_bytes(ours)
                await heart.force.look()
                assert public.now().trust.document

    asyncio.run(scenario())


def test_a_key_that_is_announced_and_then_signs_does_so_without_a_new_start(tmp_path: Path) -> None:
    """Announced: believed. First of its use in the file: it signs. Both within one look at the files."""
    config, file, offline = ca_with_next_key(tmp_path)

    async def scenario() -> None:
        files = KeyFiles()
        held = Held(load_parts(config, files=files), files, lambda: load(file), file)
        async with opened(held.parts, lambda: load(file), held) as (heart, public):
            old = heart.user_keys()
            announce(file, offline)
            await heart.force.look()
            (first, following) = heart.user_keys()
            assert old == (first,) and heart.force.current.keys.user.public_key == first
            assert heart.force.current.rules.is_own(following.blob) and public.now().trust_version == 2
            file.write_text(swapped(file.read_text()))
            await heart.force.look()
            assert heart.user_keys() == (following, first)
            assert heart.force.current.keys.user.public_key == following

    asyncio.run(scenario())


def test_a_key_that_can_t_be_used_leaves_the_one_before_it_signing(tmp_path: Path) -> None:
    config, file, offline = ca_with_next_key(tmp_path)
    next_key = config.keys[0].file.with_name("next")

    async def scenario() -> None:
        held = Held(load_parts(config), None, lambda: load(file), file)
        async with opened(held.parts, None, held) as (heart, _):
            (old,) = heart.user_keys()
            content = next_key.read_bytes()
            next_key.unlink()
            file.write_text(swapped(file.read_text()))
            await heart.force.look()
            assert heart.force.current.keys.user.public_key == old
            write_new(next_key, content, 0o600)
            await heart.force.look()  # nobody has announced it
            assert heart.force.current.keys.user.public_key == old
            announce(file, offline)
            await heart.force.look()
            assert heart.force.current.keys.user.public_key != old

    asyncio.run(scenario())


def ca_with_next_key(folder: Path) -> tuple[Config, Path, Path]:
    """A CA whose file lists a second user key, as yet only there."""
    file = folder / "ca/daypass.toml"
    founded = found(Plan("Example", "https://ca.example.com", ("*.example.com",), file), now=1_800_000_000)
    generate_key_file(file.parent / "keys/next")
    text = file.read_text() + f'\n[[keys]]\nuse = "user"\nfile = "{file.parent}/keys/next"\n'
    file.write_text(text)
    return load(file), file, founded.offline


def announce(file: Path, offline: Path) -> None:
    config = load(file)
    before = read_trust(config.ca.trust)
    after = describe(config, before.ca_id, version=before.document.version + 1, now=1_800_000_001)
    with ThreadPoolExecutor() as pool:
        work = replace_trust(config, before, after, FileSigner.load(offline), 1_800_000_001)
        pool.submit(asyncio.run, work).result()


def swapped(text: str) -> str:
    """The file with the two user keys in the other order."""
    return (
        text.replace('/keys/user_ca"', '/keys/X"').replace('/keys/next"', '/keys/user_ca"').replace('/X"', '/next"')
    )
