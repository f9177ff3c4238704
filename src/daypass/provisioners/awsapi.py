"""An instance's tags, by DescribeInstances of EC2. botocore finds the CA's credentials wherever AWS's tools would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from daypass.errors import Unavailable
from daypass.provisioners.instance import refused

__all__ = ["AwsApi"]

SECONDS = 10  # for a connection, and for an answer


class AwsApi:
    """`endpoint`: AWS's own, but for tests. The CA's role needs ec2:DescribeInstances."""

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}

    async def tags(self, region: str, instance: str) -> Mapping[str, str]:
        """Raises Unavailable, and Unauthenticated where AWS knows no such instance."""
        return await asyncio.to_thread(self._asked, region, instance)

    def _asked(self, region: str, instance: str) -> Mapping[str, str]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer = self._client(region).describe_instances(InstanceIds=[instance])
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code.startswith("InvalidInstanceID"):
                raise refused("unknown", "AWS knows no such instance") from None
            raise _unavailable(code) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise _unavailable(type(error).__name__) from error
        found = [each for group in answer.get("Reservations", []) for each in group.get("Instances", [])]
        if [each.get("InstanceId") for each in found] != [instance]:
            raise refused("unknown", "AWS knows no such instance")
        return {str(tag["Key"]): str(tag["Value"]) for tag in found[0].get("Tags", [])}

    def _client(self, region: str) -> Any:
        if region not in self._clients:
            from botocore.config import Config
            from botocore.session import Session

            settings = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2})
            self._clients[region] = Session().create_client(
                "ec2", region_name=region, config=settings, endpoint_url=self._endpoint
            )
        return self._clients[region]


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        f"AWS can't be asked about the instance: {why:.80}",
        code="cloud.api",
        hint="operator: may the CA's role ec2:DescribeInstances? docs/guide/cloud.md",
        retry_after=5,
    )
