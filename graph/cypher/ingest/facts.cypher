// What TMDB knows of movies; the title and year of one from MovieLens stay its own; used by graph/ingest/loader.py.
UNWIND $rows AS row
MERGE (m:Movie {id: row.id})
ON CREATE SET m.ratingCount = 0
WITH m, row, CASE WHEN m.id STARTS WITH 'tmdb:' THEN null ELSE m.title END AS title,
  CASE WHEN m.id STARTS WITH 'tmdb:' THEN null ELSE m.year END AS year
SET m.title = coalesce(title, row.title),
  m.year = coalesce(year, row.year),
  m.originalTitle = coalesce(row.originalTitle, m.originalTitle),
  m.imdbId = coalesce(m.imdbId, row.imdbId),
  m.tmdbId = row.tmdbId,
  m.releaseDate = coalesce(row.releaseDate, m.releaseDate),
  m.runtime = coalesce(row.runtime, m.runtime),
  m.overview = coalesce(row.overview, m.overview),
  m.tagline = coalesce(row.tagline, m.tagline),
  m.posterPath = coalesce(row.posterPath, m.posterPath),
  m.voteCount = coalesce(row.voteCount, m.voteCount),
  m.voteAverage = coalesce(row.voteAverage, m.voteAverage)
SET m.popularity = coalesce(m.ratingCount, 0) + coalesce(m.voteCount, 0) / (coalesce(m.voteCount, 0) + 1000.0)
