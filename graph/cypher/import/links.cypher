// What the links from MovieLens to TMDB depend on, and whether there are any; used by graph/ingest/tmdb.py.
RETURN COLLECT { MATCH (i:Import {kind: 'movielens'}) RETURN i.fingerprint ORDER BY i.fingerprint } AS fingerprints,
  EXISTS { MATCH (m:Movie) WHERE m.tmdbId IS NOT NULL AND NOT m.id STARTS WITH 'tmdb:' } AS linked
