"""What Google and Azure say of an instance when they are asked, with the CA's own credentials.

These are ambient: a token of the service account, or of the managed identity, of the machine that the CA runs on,
from its metadata service, which no proxy is asked for. Nothing of them is kept longer than one question, and none of
it is in a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

import httpx2
from msgspec import Struct

from daypass.errors import Invalid, Unavailable
from daypass.provisioners.discovery import read_body
from daypass.provisioners.instance import Instance, refused
from daypass.provisioners.jose import parse_object

__all__ = ["AzureApi", "GoogleApi", "Looked", "Machine"]

SECONDS = 10  # for each question
METADATA = "http://169.254.169.254"


class Machine(Struct, frozen=True):
    """A virtual machine of Azure, in lower case: Azure's names are the same in either."""

    subscription: str
    group: str
    name: str
    oid: str


class Looked(Struct, frozen=True):
    """What Azure says of one."""

    vm_id: str
    region: str
    created: int  # unix seconds
    tags: Mapping[str, str]


class GoogleApi:
    """Labels of instances, by instances.get of Compute Engine. The CA's service account needs compute.viewer."""

    def __init__(
        self, http: httpx2.AsyncClient, api: str = "https://compute.googleapis.com", metadata: str = METADATA
    ) -> None:
        self._http, self._api, self._metadata = http, api, metadata

    async def tags(self, instance: Instance) -> Mapping[str, str]:
        """Raises Unavailable, and Unauthenticated where Google knows no such instance."""
        values = instance.values
        url = (
            f"{self._api}/compute/v1/projects/{quote(values['account'], safe='')}"
            f"/zones/{quote(values['zone'], safe='')}/instances/{quote(values['name'], safe='')}"
        )
        where = f"{self._metadata}/computeMetadata/v1/instance/service-accounts/default/token"
        token = await _token(where, {"Metadata-Flavor": "Google"})
        found = await _asked(self._http, url, {"Authorization": f"Bearer {token}"}, "Google")
        if str(found.get("id")) != instance.id:
            raise refused("identity", "Google knows another instance by this name")
        return _texts(found.get("labels"))


class AzureApi:
    """Virtual machines, by Azure Resource Manager. The CA's managed identity needs the role Reader."""

    def __init__(
        self, http: httpx2.AsyncClient, api: str = "https://management.azure.com", metadata: str = METADATA
    ) -> None:
        self._http, self._api, self._metadata = http, api, metadata

    async def look(self, machine: Machine) -> Looked:
        """Raises Unavailable, and Unauthenticated where Azure knows no such machine."""
        url = (
            f"{self._api}/subscriptions/{machine.subscription}/resourceGroups/{quote(machine.group, safe='')}"
            f"/providers/Microsoft.Compute/virtualMachines/{quote(machine.name, safe='')}?api-version=2024-07-01"
        )
        resource = quote("https://management.azure.com/", safe="")
        where = f"{self._metadata}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}"
        token = await _token(where, {"Metadata": "true"})
        found = await _asked(self._http, url, {"Authorization": f"Bearer {token}"}, "Azure")
        about = found.get("properties")
        about = about if isinstance(about, dict) else {}
        try:
            created = int(datetime.fromisoformat(str(about.get("timeCreated"))).timestamp())
        except ValueError:
            created = 0
        if not created:
            raise _unavailable("Azure", "it does not say when the machine was made")
        return Looked(
            vm_id=str(about.get("vmId")).lower(),
            region=str(found.get("location")),
            created=created,
            tags=_texts(found.get("tags")),
        )


def _texts(found: object) -> dict[str, str]:
    members = found if isinstance(found, dict) else {}
    return {key: value for key, value in members.items() if isinstance(value, str)}


async def _token(url: str, headers: Mapping[str, str]) -> str:
    async with httpx2.AsyncClient(trust_env=False) as http:
        token = (await _asked(http, url, headers, "this machine's metadata service")).get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise _unavailable("this machine's metadata service", "it gives the CA no token")
    return token


async def _asked(http: httpx2.AsyncClient, url: str, headers: Mapping[str, str], who: str) -> Mapping[str, object]:
    """No redirects, no more than discovery's size; what it answers to a refusal is shown to nobody."""
    try:
        request = http.build_request("GET", url, headers={**headers, "Accept-Encoding": "identity"}, timeout=SECONDS)
        response = await http.send(request, stream=True, follow_redirects=False)
        try:
            if response.status_code == 404:
                raise refused("unknown", f"{who} knows no such instance")
            if response.status_code != 200:
                raise _unavailable(who, f"it answers with status {response.status_code}")
            return parse_object(await read_body(response))
        finally:
            await response.aclose()
    except (httpx2.HTTPError, OSError, TimeoutError) as error:
        raise _unavailable(who, type(error).__name__) from error
    except Invalid as error:
        raise _unavailable(who, error.message) from error


def _unavailable(who: str, why: str) -> Unavailable:
    return Unavailable(
        f"{who} can't be asked about the instance: {why}",
        code="cloud.api",
        hint="operator: has the CA's machine credentials to look at instances? docs/guide/cloud.md",
        retry_after=5,
    )
