"""One application over the tiny graph for each module."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from api.context import Services
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.web import client_over
from tests.conftest import empty
from tests.published import serving_over


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def services(migrated: GraphClient, tmp_path_factory: pytest.TempPathFactory) -> Services:
    await empty(migrated)
    return api_over(migrated, await serving_over(migrated, tmp_path_factory.mktemp("models"))).services


@pytest_asyncio.fixture(loop_scope="session")
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client_over(services) as client:
        yield client
