"""The application over the tiny graph, as the tests of the API have it, and a network that can be disturbed."""

from collections.abc import AsyncIterator

import pytest_asyncio

from graph.client import Address
from tests.api.conftest import http, services
from tests.trust.proxy import Proxy
from tests.trust.through import port_of

__all__ = ["http", "services"]


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(local_address: Address) -> AsyncIterator[Proxy]:
    """Between whoever is told its port, and the graph."""
    async with Proxy(port_of(local_address)) as proxy:
        yield proxy
