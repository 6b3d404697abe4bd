"""From the selection under a root field to one statement of Cypher, and from its rows back to the answer."""
