// How many nodes and relationships of each kind there are; used by graph/ingest/quality.py.
RETURN {
    Movie: COUNT { (:Movie) }, Person: COUNT { (:Person) }, Genre: COUNT { (:Genre) }, Keyword: COUNT { (:Keyword) },
    Company: COUNT { (:Company) }, Collection: COUNT { (:Collection) }, Country: COUNT { (:Country) },
    Language: COUNT { (:Language) }, User: COUNT { (:User) }, Tag: COUNT { (:Tag) }
  } AS nodes, {
    ACTED_IN: COUNT { ()-[:ACTED_IN]->() }, DIRECTED: COUNT { ()-[:DIRECTED]->() }, WROTE: COUNT { ()-[:WROTE]->() },
    CREW: COUNT { ()-[:CREW]->() }, HAS_GENRE: COUNT { ()-[:HAS_GENRE]->() },
    HAS_KEYWORD: COUNT { ()-[:HAS_KEYWORD]->() }, PRODUCED_BY: COUNT { ()-[:PRODUCED_BY]->() },
    PART_OF: COUNT { ()-[:PART_OF]->() }, FROM_COUNTRY: COUNT { ()-[:FROM_COUNTRY]->() },
    IN_LANGUAGE: COUNT { ()-[:IN_LANGUAGE]->() }, HAS_TAG: COUNT { ()-[:HAS_TAG]->() },
    RATED: COUNT { ()-[:RATED]->() }, TAGGED: COUNT { ()-[:TAGGED]->() }
  } AS relationships
