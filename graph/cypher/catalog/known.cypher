// Which of these nodes, named by label and key, are in the graph; used by graph/verify.py.
UNWIND range(0, size($nodes) - 1) AS place
WITH place, $nodes[place] AS n
CALL (n) {
  WITH n WHERE n.label = 'Movie' MATCH (found:Movie {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Person' MATCH (found:Person {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Genre' MATCH (found:Genre {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Keyword' MATCH (found:Keyword {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Company' MATCH (found:Company {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Collection' MATCH (found:Collection {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Country' MATCH (found:Country {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Language' MATCH (found:Language {id: n.id}) RETURN found
  UNION ALL
  WITH n WHERE n.label = 'Tag' MATCH (found:Tag {id: n.id}) RETURN found
}
RETURN place
