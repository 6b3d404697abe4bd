// Every user's ratings, a row a user, for training; used by graph/models.py.
MATCH (u:User)
RETURN u.id AS user, COLLECT { MATCH (u)-[r:RATED]->() RETURN [r.movieId, r.rating, r.at] } AS ratings
