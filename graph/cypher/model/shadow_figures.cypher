// What all servers have counted of versions in the shadow; used by graph/shadows.py.
MATCH (f:ShadowFigures)
RETURN f.version AS version, f.since AS since, f.server AS server, f.figures AS figures, f.at AS at
ORDER BY version, since, server
