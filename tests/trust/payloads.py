"""Texts that try to be Cypher: written ones for every place, and many more that are put together from parts."""

from random import Random
from typing import Final

WRITTEN: Final = [
    "' OR 1=1 //",
    "'}) DETACH DELETE n //",
    "1'}) MATCH (n) DETACH DELETE n WITH 1 AS x MATCH (m {id: '1",
    "' RETURN n UNION MATCH (n) RETURN n //",
    "') CALL () { CREATE (:Hacked) } RETURN 1 //",
    "'; MATCH (n) DELETE n; //",
    "\\' OR true //",
    "\\\\'; CREATE (x:Hacked) //",
    '" OR 1=1 //',
    '"}) SET n.hacked = true //',
    "`",
    "``) CREATE (:Hacked) //",
    "`]->() SET n.x = 1 //",
    "Movie`) DETACH DELETE n //",
    "Movie:1'}) DETACH DELETE n //",
    "Movie:`1`",
    "Movie:1 OR 1=1",
    "User:2",
    "Meta:graph",
    "Migration:V0001",
    "ModelVersion:x",
    "*",
    "%",
    "$p0",
    "${p0}",
    "{id: '1'}",
    "}} RETURN 1 {{",
    "{n}{r}{o}{p}",
    "{0}",
    "%s%n%x",
    "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "LOAD CSV FROM 'http://169.254.169.254/latest/meta-data/' AS l RETURN l",
    "CALL dbms.components()",
    "CALL db.labels()",
    "CALL apoc.load.json('http://169.254.169.254/')",
    "CALL apoc.cypher.runWrite('CREATE (:Hacked)', {})",
    "CALL dbms.security.listUsers()",
    "1; DROP CONSTRAINT movie_id",
    "1 /* comment */ // more",
    "/*",
    "*/ MATCH (n) DETACH DELETE n /*",
    "\\u0027 OR 1=1 //",
    "\u02bc OR 1=1 //",
    "\uff07 OR 1=1 //",
    "\u2019}) DELETE n //",
    "\u202egnp.exe",
    "\u0000",
    "a\u0000b",
    "\n\r\t\b",
    "\u2028\u2029",
    "\U0001f3ac" * 10,
    "e\u0301" * 20,
    "title:*",
    "name:[* TO *]",
    "alien~2 OR *:*",
    "+alien -ridley && || ! ( ) { } [ ] ^ ~ * ? : \\ /",
    "(((((((((",
    "/.*/",
    "a AND (b",
    "a^9999999999",
    '"unclosed phrase',
    "*a",
    "?",
    "a" * 200,
    "<script>alert(1)</script>",
    "-1",
    "null",
    "true",
    "",
    " ",
]
"""Sent to every place that takes text."""

OPENINGS: Final = (
    "'", '"', "`", "'}) ", '"}) ', "`) ", "1'}) ", "\\'", "\\\\' ", "'; ", "')) ", "'] ", "Movie:1' ", "Movie:`1` ",
    "Genre:drama'}) ", "User:2\" ", "$p0 ", "{p0} ", "*/ ", "\n", "",
)  # fmt: skip
BODIES: Final = (
    "MATCH (n) DETACH DELETE n", "CREATE (:Hacked)", "SET n.hacked = true", "OR 1=1", "AND false", "OR true",
    "RETURN 1 AS x UNION MATCH (n) RETURN n", "WITH 1 AS x MATCH (u:User) RETURN u", "REMOVE n.id", "SHOW USERS",
    "CALL db.labels() YIELD label RETURN label", "CALL () { CREATE (:Hacked) }", "CALL dbms.components()",
    "FOREACH (x IN [1] | CREATE (:Hacked))", "UNWIND range(1, 9) AS i CREATE (:Hacked)", "DROP INDEX names",
    "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line", "USE system", "MERGE (:Meta {id: 'graph', version: -1})",
    "CALL apoc.cypher.runWrite('CREATE (:Hacked)', {})", "MATCH (u:User)-[r:RATED]->() DELETE r", "title:* OR *:*",
)  # fmt: skip
ENDINGS: Final = (
    "", " //", " /*", " --", ";", "; //", " WITH 1 AS x MATCH (m {id: '1", " RETURN 1", "'", '"', "`", "})",
    " OR '1'='1",
)  # fmt: skip
DISGUISES: Final = (
    lambda text: text,
    str.lower,
    lambda text: text.replace(" ", "/**/"),
    lambda text: text.replace(" ", "\n"),
    lambda text: text.replace(" ", "\u00a0"),
    lambda text: text.replace(" ", "/* ' */ "),
    lambda text: text.replace("'", "\\u0027").replace('"', "\\u0022").replace("`", "\\u0060"),
    lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    lambda text: text.replace("'", "\uff07").replace("`", "\uff40"),
    lambda text: text.replace("'", "%27").replace(" ", "%20"),
    lambda text: text.replace("'", "''").replace("`", "``"),
    lambda text: "\u200b".join(text),
    lambda text: f"{text}\x00{text}",
)
"""Case, comments and other signs for spaces, escapes of Cypher's own, signs that look alike, encodings, doubling."""
MANY: Final = 1_000
SEED: Final = 42


def put_together(count: int) -> list[str]:
    """So many different texts of an opening, a statement and an ending, in a disguise."""
    random, found = Random(SEED), dict[str, None]()
    while len(found) < count:
        text = random.choice(OPENINGS) + random.choice(BODIES) + random.choice(ENDINGS)
        found.setdefault(random.choice(DISGUISES)(text))
    return list(found)


def escaped(text: str) -> str:
    """A literal of GraphQL that writes most signs of a text as their numbers."""
    plain = (sign if sign.isascii() and sign.isalnum() else f"\\u{{{ord(sign):x}}}" for sign in text)
    return f'"{"".join(plain)}"'
