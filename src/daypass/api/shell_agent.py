"""What the agent in shell asks: the same bodies as any host's, answered in lines of text.

    daypass-agent-v1
    trust-root KEY           the offline root's public key; its hash is the CA id
    trust BASE64, trust-signature BASE64     the trust document as it was signed, where it is newer
    bundle BASE64, bundle-signature BASE64   the host bundle in lines (namespace `daypass-host-bundle-text`)
    krl BASE64               where the host has another than the bundle names
    certificate LINE         one for each key, in the order of the request
    end

A signature is an SSHSIG without its armor. Errors are JSON, as everywhere.
"""

from __future__ import annotations

from daypass.api.hosts import EnrolRequest, HostRenewRequest, HostSyncRequest
from daypass.api.route import Access, Route

__all__ = ["SHELL_AGENT_ROUTES"]

SHELL_AGENT_ROUTES = (
    Route("agent_script", "GET", "/v1/host/agent.sh", Access.OPEN, str, "The agent for hosts that have only sh."),
    Route(
        "agent_enroll", "POST", "/v1/host/agent/enroll", Access.CREDENTIAL, str,
        "A host's first certificates, for a join token, in lines of text.", body=EnrolRequest, status=201,
    ),
    Route(
        "agent_sync", "POST", "/v1/host/agent/sync", Access.HOST, str,
        "What holds for a host now, in lines of text.", body=HostSyncRequest,
    ),
    Route(
        "agent_renew", "POST", "/v1/host/agent/renew", Access.HOST, str,
        "The next certificates of all keys of a host, in lines of text.", body=HostRenewRequest, status=201,
    ),
)  # fmt: skip
