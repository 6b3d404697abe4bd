// Which of these relationships, named by type and both ends' keys, stand in the graph now; used by graph/verify.py.
// A rating or a preference that says something else than what was said of it is another one.
// The list of none or one keeps a branch from looking up ends that are not of its type; the hints keep the planner from
// walking all that one end has, which of a genre are thousands.
UNWIND range(0, size($edges) - 1) AS place
WITH place, $edges[place] AS edge
CALL (edge) {
  UNWIND CASE edge.relation WHEN 'RATED' THEN [edge] ELSE [] END AS e
  MATCH (a:User {id: e.start})-[r:RATED]->(b:Movie {id: e.end}) USING INDEX a:User(id) USING INDEX b:Movie(id)
  WHERE e.said IS NULL OR r.rating = e.said
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'PREFERS' THEN [edge] ELSE [] END AS e
  MATCH (:User {id: e.start})-[r:PREFERS]->(n {id: e.end}) WHERE e.label IN labels(n) AND (e.said IS NULL OR r.weight = e.said)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'SIMILAR' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:SIMILAR]->(b:Movie {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Movie(id)
  WHERE e.model IS NULL OR r.model = e.model
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'ACTED_IN' THEN [edge] ELSE [] END AS e
  MATCH (a:Person {id: e.start})-[r:ACTED_IN]->(b:Movie {id: e.end}) USING INDEX a:Person(id) USING INDEX b:Movie(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'DIRECTED' THEN [edge] ELSE [] END AS e
  MATCH (a:Person {id: e.start})-[r:DIRECTED]->(b:Movie {id: e.end}) USING INDEX a:Person(id) USING INDEX b:Movie(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'WROTE' THEN [edge] ELSE [] END AS e
  MATCH (a:Person {id: e.start})-[r:WROTE]->(b:Movie {id: e.end}) USING INDEX a:Person(id) USING INDEX b:Movie(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'CREW' THEN [edge] ELSE [] END AS e
  MATCH (a:Person {id: e.start})-[r:CREW]->(b:Movie {id: e.end}) USING INDEX a:Person(id) USING INDEX b:Movie(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'HAS_GENRE' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:HAS_GENRE]->(b:Genre {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Genre(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'HAS_KEYWORD' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:HAS_KEYWORD]->(b:Keyword {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Keyword(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'PRODUCED_BY' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:PRODUCED_BY]->(b:Company {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Company(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'PART_OF' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:PART_OF]->(b:Collection {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Collection(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'FROM_COUNTRY' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:FROM_COUNTRY]->(b:Country {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Country(id)
  RETURN r
  UNION ALL
  UNWIND CASE edge.relation WHEN 'IN_LANGUAGE' THEN [edge] ELSE [] END AS e
  MATCH (a:Movie {id: e.start})-[r:IN_LANGUAGE]->(b:Language {id: e.end}) USING INDEX a:Movie(id) USING INDEX b:Language(id)
  RETURN r
}
RETURN place, elementId(r) AS id, properties(r) AS properties
