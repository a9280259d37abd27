-- What is read most is found in its order, however much is stored.

CREATE INDEX deployments_in_order ON deployments (environment, id);
CREATE INDEX deployments_by_time ON deployments (environment, created_at_ms);
-- The environments of a project, without reading their deployments.
CREATE INDEX deployments_by_place ON deployments (project, environment);
-- What waits or goes on: little, at any time.
CREATE INDEX deployments_open ON deployments (environment, id) WHERE finished_at_ms IS NULL;
DROP INDEX deployments_by_project;
DROP INDEX deployments_by_state;
