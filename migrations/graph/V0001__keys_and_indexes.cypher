// Keys of every label (before any MERGE), and the indexes that keep pages flat in the degree of a node.
CREATE CONSTRAINT movie_id IF NOT EXISTS FOR (n:Movie) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT person_id IF NOT EXISTS FOR (n:Person) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT genre_id IF NOT EXISTS FOR (n:Genre) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT keyword_id IF NOT EXISTS FOR (n:Keyword) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT company_id IF NOT EXISTS FOR (n:Company) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT collection_id IF NOT EXISTS FOR (n:Collection) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT country_id IF NOT EXISTS FOR (n:Country) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT language_id IF NOT EXISTS FOR (n:Language) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT user_id IF NOT EXISTS FOR (n:User) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT tag_id IF NOT EXISTS FOR (n:Tag) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT model_version_id IF NOT EXISTS FOR (n:ModelVersion) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT meta_id IF NOT EXISTS FOR (n:Meta) REQUIRE n.id IS UNIQUE;

CREATE RANGE INDEX movie_tmdb_id IF NOT EXISTS FOR (n:Movie) ON (n.tmdbId);
CREATE RANGE INDEX movie_popularity IF NOT EXISTS FOR (n:Movie) ON (n.popularity, n.id);
CREATE RANGE INDEX movie_year IF NOT EXISTS FOR (n:Movie) ON (n.year, n.id);
CREATE RANGE INDEX movie_title IF NOT EXISTS FOR (n:Movie) ON (n.title, n.id);
CREATE RANGE INDEX person_name IF NOT EXISTS FOR (n:Person) ON (n.name, n.id);
CREATE RANGE INDEX genre_name IF NOT EXISTS FOR (n:Genre) ON (n.name, n.id);
CREATE RANGE INDEX keyword_name IF NOT EXISTS FOR (n:Keyword) ON (n.name, n.id);

CREATE RANGE INDEX rated_by_movie IF NOT EXISTS FOR ()-[r:RATED]-() ON (r.movieId, r.at, r.userId);
CREATE RANGE INDEX rated_by_user IF NOT EXISTS FOR ()-[r:RATED]-() ON (r.userId, r.at, r.movieId);
CREATE RANGE INDEX viewed_by_user IF NOT EXISTS FOR ()-[r:VIEWED]-() ON (r.userId, r.at, r.movieId);
CREATE RANGE INDEX dismissed_by_user IF NOT EXISTS FOR ()-[r:DISMISSED]-() ON (r.userId, r.at, r.movieId);
CREATE RANGE INDEX tagged_by_user IF NOT EXISTS FOR ()-[r:TAGGED]-() ON (r.userId, r.at, r.movieId);
CREATE RANGE INDEX genre_by_popularity IF NOT EXISTS FOR ()-[r:HAS_GENRE]-() ON (r.genreId, r.popularity, r.movieId);
CREATE RANGE INDEX genre_by_year IF NOT EXISTS FOR ()-[r:HAS_GENRE]-() ON (r.genreId, r.year, r.movieId);
CREATE RANGE INDEX keyword_by_popularity IF NOT EXISTS FOR ()-[r:HAS_KEYWORD]-() ON (r.keywordId, r.popularity, r.movieId);
CREATE RANGE INDEX keyword_by_year IF NOT EXISTS FOR ()-[r:HAS_KEYWORD]-() ON (r.keywordId, r.year, r.movieId);
CREATE RANGE INDEX country_by_popularity IF NOT EXISTS FOR ()-[r:FROM_COUNTRY]-() ON (r.countryId, r.popularity, r.movieId);
CREATE RANGE INDEX country_by_year IF NOT EXISTS FOR ()-[r:FROM_COUNTRY]-() ON (r.countryId, r.year, r.movieId);
CREATE RANGE INDEX language_by_popularity IF NOT EXISTS FOR ()-[r:IN_LANGUAGE]-() ON (r.languageId, r.popularity, r.movieId);
CREATE RANGE INDEX language_by_year IF NOT EXISTS FOR ()-[r:IN_LANGUAGE]-() ON (r.languageId, r.year, r.movieId);
CREATE RANGE INDEX company_by_popularity IF NOT EXISTS FOR ()-[r:PRODUCED_BY]-() ON (r.companyId, r.popularity, r.movieId);
CREATE RANGE INDEX company_by_year IF NOT EXISTS FOR ()-[r:PRODUCED_BY]-() ON (r.companyId, r.year, r.movieId);
CREATE RANGE INDEX tag_by_popularity IF NOT EXISTS FOR ()-[r:HAS_TAG]-() ON (r.tagId, r.popularity, r.movieId);

CREATE FULLTEXT INDEX names IF NOT EXISTS FOR (n:Movie|Person|Genre|Keyword|Collection) ON EACH [n.title, n.name, n.originalTitle]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-folding', `fulltext.eventually_consistent`: false}};
MERGE (m:Meta {id: 'graph'}) ON CREATE SET m.version = 0, m.activeModel = null;
