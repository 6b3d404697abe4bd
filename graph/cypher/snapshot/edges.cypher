// Relationships in the catalogue, some 200 movies in a row, actors with their billing, and $model's SIMILAR; used by graph/snapshot.py.
MATCH (m:Movie)
WITH toInteger(split(elementId(m), ':')[2]) / 200 AS block, collect(m) AS movies
CALL (movies) {
  UNWIND movies AS m
  CALL (m) {
    MATCH (m)-[r:ACTED_IN|DIRECTED|WROTE|CREW|HAS_GENRE|HAS_KEYWORD|PRODUCED_BY|PART_OF|FROM_COUNTRY|IN_LANGUAGE]-(n)
    RETURN r, n
    UNION ALL
    MATCH (m)-[r:SIMILAR]->(n) WHERE r.model = $model
    RETURN r, n
  }
  RETURN collect(toInteger(split(elementId(m), ':')[2])) AS movie, collect(toInteger(split(elementId(n), ':')[2])) AS other,
         collect(type(r)) AS relation, collect(toInteger(split(elementId(r), ':')[2])) AS number,
         collect(coalesce(r.order, -1)) AS order
}
RETURN movie, other, relation, number, order
