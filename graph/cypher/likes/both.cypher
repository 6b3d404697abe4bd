// How many users gave $liked stars or more to a movie and to each of its $others, among $most ratings of each movie, and whether one has more; used by graph/likes.py.
MATCH (m:Movie) WHERE m.id IN $movies
CALL (m) {
  MATCH (m)<-[r:RATED]-(u:User)
  WITH r, u LIMIT $most + 1 // one more tells whether there are more
  RETURN collect(CASE WHEN r.rating >= $liked THEN u END) AS likers, count(*) > $most AS cut
}
UNWIND likers AS u
WITH u, collect({id: m.id, cut: cut}) AS liked
UNWIND [one IN liked WHERE $others[one.id] IS NOT NULL] AS one
UNWIND [other IN liked WHERE other.id IN $others[one.id]] AS other
RETURN one.id AS movie, other.id AS other, count(*) AS users, one.cut OR other.cut AS atLeast
