// How many users gave $liked stars or more to a movie and to each of its $others, a list by movie; used by graph/likes.py.
MATCH (m:Movie)<-[r:RATED]-(u:User)
WHERE m.id IN $movies AND r.rating >= $liked
WITH u, collect(m.id) AS liked
UNWIND [movie IN liked WHERE $others[movie] IS NOT NULL] AS movie
UNWIND [other IN $others[movie] WHERE other IN liked] AS other
RETURN movie, other, count(*) AS users
