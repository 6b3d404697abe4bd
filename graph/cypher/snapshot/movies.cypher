// Every movie with what filters and rankings need of it, some 1,000 in a row of columns; used by graph/snapshot.py.
MATCH (n:Movie)
WITH n, toInteger(split(elementId(n), ':')[2]) AS node
RETURN node / 1000 AS block, collect(node) AS node, collect(n.id) AS id, collect(coalesce(n.title, '')) AS name,
       collect(coalesce(n.year, -1)) AS year, collect(coalesce(n.runtime, -1)) AS runtime,
       collect(coalesce(n.popularity, 0.0)) AS popularity,
       collect([n.originalTitle, n.releaseDate, n.overview, n.tagline, n.posterPath, n.imdbId, n.tmdbId, n.voteCount,
                n.voteAverage, n.ratingCount, n.ratingMean]) AS details
