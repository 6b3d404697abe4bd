// The versions of users' histories, to notice what another process wrote; used by events/versions.py.
UNWIND $ids AS id
MATCH (u:User {id: id})
RETURN id, coalesce(u.version, 0) AS version
