// Each movie's relationships in the catalogue, actors with their billing, and $model's SIMILAR; used by graph/snapshot.py.
MATCH (m:Movie)
RETURN toInteger(split(elementId(m), ':')[2]) AS node, COLLECT {
  MATCH (m)-[r:ACTED_IN|DIRECTED|WROTE|CREW|HAS_GENRE|HAS_KEYWORD|PRODUCED_BY|PART_OF|FROM_COUNTRY|IN_LANGUAGE]-(n)
  RETURN [type(r), toInteger(split(elementId(n), ':')[2]), toInteger(split(elementId(r), ':')[2]), r.order]
  UNION ALL
  MATCH (m)-[r:SIMILAR]->(n) WHERE r.model = $model
  RETURN [type(r), toInteger(split(elementId(n), ':')[2]), toInteger(split(elementId(r), ':')[2]), r.order]
} AS edges
