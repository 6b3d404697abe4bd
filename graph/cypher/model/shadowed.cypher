// Which version scores beside the active one, what share of requests, and since when; used by graph/shadows.py.
MATCH (m:Meta {id: 'graph'})
RETURN m.shadowModel AS version, m.shadowShare AS share, m.shadowSince AS since
