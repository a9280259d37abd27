-- Answers may hold a key that is shown once; those of the last day are forgotten.
DELETE FROM answers;
ALTER TABLE answers DROP COLUMN answer;
ALTER TABLE answers ADD COLUMN sealed BYTEA;

-- The targets that a deployment is to leave behind: JSON, a list of names.
ALTER TABLE approvals ADD COLUMN without TEXT;
