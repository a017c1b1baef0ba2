-- Events from which nothing could be derived are few, and looked for among very many.
CREATE INDEX event_by_failure ON event (domain_id, id) WHERE failure IS NOT NULL;
