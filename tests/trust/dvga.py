"""The scenarios of Damn Vulnerable GraphQL Application: https://github.com/dolevf/Damn-Vulnerable-GraphQL-Application"""

from collections.abc import Awaitable, Callable

from tests.trust.attacked import Target

DVGA = {
    "Reconnaissance": ("Discovering GraphQL", "Fingerprinting GraphQL"),
    "Denial of Service": (
        "Batch Query Attack",
        "Deep Recursion Query Attack",
        "Resource Intensive Query Attack",
        "Field Duplication Attack",
        "Aliases based Attack",
    ),
    "Information Disclosure": (
        "GraphQL Introspection",
        "GraphiQL Interface",
        "GraphQL Field Suggestions",
        "Server Side Request Forgery",
        "Stack Trace Errors",
    ),
    "Code Execution": ("OS Command Injection #1", "OS Command Injection #2"),
    "Injection": ("Stored Cross Site Scripting", "Log spoofing / Log Injection", "HTML Injection", "SQL Injection"),
    "Authorization Bypass": (
        "GraphQL JWT Token Forge",
        "GraphQL Interface Protection Bypass",
        "GraphQL Query Deny List Bypass",
    ),
    "Miscellaneous": ("GraphQL Query Weak Password Protection", "Arbitrary File Write // Path Traversal"),
}
"""Its list, by its headings."""


Scenario = Callable[[Target], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """The function of a scenario."""

    def note(function: Scenario) -> Scenario:
        assert name not in SCENARIOS
        SCENARIOS[name] = function
        return function

    return note
