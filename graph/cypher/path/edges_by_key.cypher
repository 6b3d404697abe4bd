// Which of these relationships, named by type and both ends' keys, stand in the graph now; used by graph/verify.py.
UNWIND range(0, size($edges) - 1) AS place
WITH place, $edges[place] AS e
CALL (e) {
  WITH e WHERE e.relation = 'RATED' MATCH (:User {id: e.start})-[r:RATED]->(:Movie {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'PREFERS' MATCH (:User {id: e.start})-[r:PREFERS]->(n {id: e.end}) WHERE e.label IN labels(n) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'SIMILAR' MATCH (:Movie {id: e.start})-[r:SIMILAR]->(:Movie {id: e.end})
    WHERE e.model IS NULL OR r.model = e.model RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'ACTED_IN' MATCH (:Person {id: e.start})-[r:ACTED_IN]->(:Movie {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'DIRECTED' MATCH (:Person {id: e.start})-[r:DIRECTED]->(:Movie {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'WROTE' MATCH (:Person {id: e.start})-[r:WROTE]->(:Movie {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'CREW' MATCH (:Person {id: e.start})-[r:CREW]->(:Movie {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'HAS_GENRE' MATCH (:Movie {id: e.start})-[r:HAS_GENRE]->(:Genre {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'HAS_KEYWORD' MATCH (:Movie {id: e.start})-[r:HAS_KEYWORD]->(:Keyword {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'PRODUCED_BY' MATCH (:Movie {id: e.start})-[r:PRODUCED_BY]->(:Company {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'PART_OF' MATCH (:Movie {id: e.start})-[r:PART_OF]->(:Collection {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'FROM_COUNTRY' MATCH (:Movie {id: e.start})-[r:FROM_COUNTRY]->(:Country {id: e.end}) RETURN r
  UNION ALL
  WITH e WHERE e.relation = 'IN_LANGUAGE' MATCH (:Movie {id: e.start})-[r:IN_LANGUAGE]->(:Language {id: e.end}) RETURN r
}
RETURN place, elementId(r) AS id, properties(r) AS properties
