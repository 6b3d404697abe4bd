"""Who an anonymous caller is behind a proxy: whom the proxy says, where it is trusted, and nobody's word otherwise."""

import asyncio
from typing import Any

import httpx
import pytest

from api.context import Services
from api.protocols import protocols
from api.server import build_app
from cinegraph.errors import InvalidInput
from cinegraph.settings import ApiSettings, load_settings
from tests.api.live import Live, live
from tests.api.web import SECRET, TITLE

ONE, OTHER = "203.0.113.1", "203.0.113.2"
FEW: dict[str, Any] = {"anonymous_points": 3, "anonymous_rate": 0.001}
"""Points of each caller, of which none come back."""


async def spend(server: Live, forwarded: str) -> int:
    """How many queries are answered to an address until it has nothing left to spend."""
    async with httpx.AsyncClient() as http, asyncio.timeout(20):
        for count in range(100):
            answer = await http.post(server.http, json={"query": TITLE}, headers={"X-Forwarded-For": forwarded})
            if answer.status_code == 429:
                return count
            assert answer.status_code == 200
    raise AssertionError("there is no end to it")


async def test_without_a_trusted_proxy_a_forwarded_address_buys_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does uvicorn's own variable change that."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with live(services, **FEW) as server:
        assert await spend(server, ONE) > 0
        assert await spend(server, OTHER) == 0


@pytest.mark.parametrize("trusted", ["127.0.0.1", "fd00::/64, 127.0.0.0/8"])
async def test_behind_a_trusted_proxy_each_address_has_its_own_points(services: Services, trusted: str) -> None:
    async with live(services, trusted_proxies=trusted, **FEW) as server:
        enough = await spend(server, ONE)
        assert enough > 0
        assert await spend(server, OTHER) == enough
        assert await spend(server, ONE) == 0


async def test_what_a_client_says_before_the_proxy_is_not_believed(services: Services) -> None:
    """A proxy adds whom it sees to the right of what was there."""
    async with live(services, trusted_proxies="127.0.0.1, 10.0.0.0/8", **FEW) as server:
        assert await spend(server, f"198.51.100.1, {ONE}") > 0
        assert await spend(server, f"198.51.100.2, {ONE}") == 0
        assert await spend(server, f"198.51.100.3, {ONE}, 10.1.2.3") == 0


async def test_a_proxy_that_is_not_named_is_not_believed(services: Services) -> None:
    async with live(services, trusted_proxies="10.0.0.0/8", **FEW) as server:
        assert await spend(server, ONE) > 0
        assert await spend(server, OTHER) == 0


async def test_the_mutant_that_trusts_everybody_believes_what_a_client_says(services: Services) -> None:
    own = {"http": "httptools", "proxy_headers": True, "forwarded_allow_ips": "*"}
    async with live(services, classes=own, **FEW) as server:
        assert await spend(server, f"198.51.100.1, {ONE}") > 0
        assert await spend(server, f"198.51.100.2, {ONE}") > 0


def test_of_a_socket_for_both_kinds_of_addresses_a_proxy_is_known_too(services: Services) -> None:
    settings = ApiSettings(trusted_proxies="10.0.0.5, 192.168.0.0/16")
    given = protocols(settings, build_app(services, settings, SECRET))
    assert given["proxy_headers"] is True
    assert given["forwarded_allow_ips"] == [
        "10.0.0.5/32",
        "192.168.0.0/16",
        "::ffff:10.0.0.5/128",
        "::ffff:192.168.0.0/112",
    ]


@pytest.mark.parametrize("wrong", ["*", "10.0.0.1/8", "proxy.example", "10.0.0.5; 10.0.0.6", "10.0.0.5:80"])
def test_what_is_no_address_and_no_network_ends_the_start(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("CINEGRAPH_API__TRUSTED_PROXIES", f"127.0.0.1, {wrong}")
    with pytest.raises(InvalidInput) as raised:
        load_settings(env_file=None)
    assert str(raised.value).startswith(f"wrong settings: CINEGRAPH_API__TRUSTED_PROXIES='127.0.0.1, {wrong}': ")
    assert "name addresses or networks, such as 10.0.0.5 or 10.0.0.0/8" in str(raised.value)
