-- The last lines that explain why a deployment failed: a list of texts in JSON.

ALTER TABLE deployments ADD COLUMN log TEXT;
