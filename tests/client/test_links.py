"""Networks that are unlike the office's: IPv6 and nothing else, and a link of 56 kbit/s."""

from __future__ import annotations

import ctypes
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from daypass import api
from daypass.client import trust
from daypass.client.doctor import way
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.network import lookup
from tests.client.laptop import follow
from tests.client.mini_ca import MiniCa, run_mini_ca
from tests.parts.needs import need
from tests.parts.op import Op, run_op
from tests.parts.proxy import run_link

ADDRESS = "fd00:da1::1"
NAME = "ca.corp.test"
_CLONE_NEWNET = 0x40000000  # unshare(2)


def in_a_network_of_its_own(work: Callable[[], None]) -> None:
    """In a thread, whose namespace (and that of all it starts) has IPv6 beside loopback, and no IPv4."""
    failed = list[BaseException]()

    def run() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            for words in ("link set lo up", f"-6 addr add {ADDRESS}/64 dev lo nodad"):
                subprocess.run([need("ip"), *words.split()], check=True)
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failed:
        raise error


def sign_in(ca: MiniCa, op: Op, url: str, settings: Settings, said: list[str]) -> Login:
    ca.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id=op.client_id)]
    trust.bootstrap(settings, url, ca.fingerprint)
    return Login(settings, said.append, follow)


@pytest.fixture
def only_ipv6_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What DNS would say."""
    real = socket.getaddrinfo

    def known(host: str, port: int, family: int = 0, *rest: int, **more: int) -> object:
        if host == NAME and family == socket.AF_INET:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(ADDRESS if host == NAME else host, port, family, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", known)


@pytest.mark.parametrize("host", [f"[{ADDRESS}]", "[::1]", NAME])
def test_a_login_where_there_is_nothing_but_ipv6(
    host: str, settings: Settings, said: list[str], only_ipv6_is_known: None
) -> None:
    need("root with network namespaces")

    def work() -> None:
        with run_mini_ca(host="::1" if host == "[::1]" else ADDRESS) as ca, run_op() as op:
            url = f"https://{host}:{urlsplit(ca.url).port}"
            held = sign_in(ca, op, url, settings, said).run()
            assert held.certificate.principals == ca.principals
            membership = trust.current(settings)
            assert membership.url == url and way.ask_ca(membership).info.ca_id == ca.ca_id.hex()

    in_a_network_of_its_own(work)


def test_the_doctor_says_that_there_is_no_ipv4(only_ipv6_is_known: None) -> None:
    assert lookup(NAME) == (ADDRESS,)
    (found,) = way.names(NAME)
    assert found.text.startswith(f"{NAME} is {ADDRESS}; no IPv4")


@contextmanager
def slow(ca: MiniCa) -> Iterator[str]:
    port = urlsplit(ca.url).port
    assert port is not None
    with run_link(port, bits_per_second=56_000, delay=0.05) as link:
        yield f"https://127.0.0.1:{link.port}"


def test_a_login_over_56_kbit_works_and_says_whom_it_waits_for(settings: Settings, said: list[str]) -> None:
    with run_mini_ca() as ca, run_op() as op, slow(ca) as url:
        ca.enrolled = [f"web-{each}.corp.test" for each in range(500)]
        held = sign_in(ca, op, url, settings, said).run()
    assert held.certificate.principals == ca.principals
    assert any(each.startswith("waiting for the CA at") for each in said), said
