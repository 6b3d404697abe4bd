// What one server has counted of a version in the shadow since a moment; only that server writes this node; used by graph/shadows.py.
MERGE (f:ShadowFigures {id: $id})
SET f.version = $version, f.since = $since, f.server = $server, f.figures = $figures, f.at = timestamp()
RETURN f.id AS id
