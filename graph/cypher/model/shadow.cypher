// Let a version score a share of requests beside the active one, its figures counted from now on, or with null none; used by graph/shadows.py.
MATCH (m:Meta {id: 'graph'})
SET m.shadowModel = $version, m.shadowShare = $share,
    m.shadowSince = CASE WHEN $version IS NULL THEN null ELSE timestamp() END
WITH m
OPTIONAL MATCH (f:ShadowFigures {version: $version})
DELETE f
RETURN DISTINCT m.shadowSince AS since
