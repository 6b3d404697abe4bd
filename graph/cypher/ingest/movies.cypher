// Movies as MovieLens has them; what it does not know stays as it is; used by graph/ingest/loader.py.
UNWIND $rows AS row
MERGE (m:Movie {id: row.id})
ON CREATE SET m.ratingCount = 0, m.popularity = 0.0
SET m.title = row.title,
  m.year = coalesce(row.year, m.year),
  m.originalTitle = coalesce(m.originalTitle, row.originalTitle),
  m.imdbId = coalesce(row.imdbId, m.imdbId),
  m.tmdbId = coalesce(row.tmdbId, m.tmdbId)
