// Each movie's plot in words, and its tagline, where it has them, by its id; used by graph/models.py.
MATCH (movie:Movie)
WHERE movie.overview IS NOT NULL OR movie.tagline IS NOT NULL
RETURN movie.id AS id, movie.overview AS overview, movie.tagline AS tagline
ORDER BY id
