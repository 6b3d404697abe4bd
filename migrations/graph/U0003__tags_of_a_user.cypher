// Back to V0002: the tags of a user in the order of time and movie alone.
DROP INDEX tagged_by_user_movie_tag IF EXISTS;
CREATE RANGE INDEX tagged_by_user IF NOT EXISTS FOR ()-[r:TAGGED]-() ON (r.userId, r.at, r.movieId);
