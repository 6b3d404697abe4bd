// A user may give one movie several tags at one moment: the tag's id is the last key of their order.
DROP INDEX tagged_by_user IF EXISTS;
CREATE RANGE INDEX tagged_by_user_movie_tag IF NOT EXISTS FOR ()-[r:TAGGED]-() ON (r.userId, r.at, r.movieId, r.tagId);
