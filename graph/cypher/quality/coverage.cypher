// Of how many movies each thing is known; used by graph/ingest/quality.py.
MATCH (m:Movie)
RETURN count(*) AS movies, {
    year: count(m.year), originalTitle: count(m.originalTitle), releaseDate: count(m.releaseDate),
    runtime: count(m.runtime), overview: count(m.overview), tagline: count(m.tagline),
    posterPath: count(m.posterPath), imdbId: count(m.imdbId), tmdbId: count(m.tmdbId), voteCount: count(m.voteCount),
    rating: count(CASE WHEN EXISTS { (m)<-[:RATED]-() } THEN 1 END),
    genre: count(CASE WHEN EXISTS { (m)-[:HAS_GENRE]->() } THEN 1 END),
    cast: count(CASE WHEN EXISTS { (m)<-[:ACTED_IN]-() } THEN 1 END),
    director: count(CASE WHEN EXISTS { (m)<-[:DIRECTED]-() } THEN 1 END),
    writer: count(CASE WHEN EXISTS { (m)<-[:WROTE]-() } THEN 1 END),
    keyword: count(CASE WHEN EXISTS { (m)-[:HAS_KEYWORD]->() } THEN 1 END),
    company: count(CASE WHEN EXISTS { (m)-[:PRODUCED_BY]->() } THEN 1 END),
    country: count(CASE WHEN EXISTS { (m)-[:FROM_COUNTRY]->() } THEN 1 END),
    language: count(CASE WHEN EXISTS { (m)-[:IN_LANGUAGE]->() } THEN 1 END)
  } AS known
