// Set what a user likes or avoids; weight 0 takes it back; nothing is written when a node is unknown; used by graph/actions.py.
UNWIND range(0, size($preferences) - 1) AS place
WITH place, $preferences[place] AS p
OPTIONAL CALL (p) {
  WITH p WHERE p.label = 'Genre' MATCH (n:Genre {id: p.id}) RETURN n
  UNION ALL
  WITH p WHERE p.label = 'Person' MATCH (n:Person {id: p.id}) RETURN n
  UNION ALL
  WITH p WHERE p.label = 'Keyword' MATCH (n:Keyword {id: p.id}) RETURN n
  UNION ALL
  WITH p WHERE p.label = 'Collection' MATCH (n:Collection {id: p.id}) RETURN n
}
WITH collect({place: place, node: n, weight: p.weight}) AS rows
WITH rows, [row IN rows WHERE row.node IS NULL | row.place] AS unknown
CALL (rows, unknown) {
  WITH rows, unknown WHERE size(unknown) = 0
  MERGE (u:User {id: $user}) ON CREATE SET u.version = 0
  SET u.version = coalesce(u.version, 0) + 1
  WITH u, rows UNWIND rows AS row
  WITH u, row, row.node AS n
  MERGE (u)-[r:PREFERS]->(n)
  SET r.weight = row.weight, r.at = $at
  WITH r WHERE r.weight = 0
  DELETE r
  RETURN count(*) AS removed
}
RETURN unknown
