-- Answers may hold a key that is shown once, so they are sealed; those of the last day are
-- forgotten. The column `answer` stays empty: an older server may still run beside.
DELETE FROM answers;
ALTER TABLE answers ADD COLUMN sealed BYTEA;

-- The targets that a deployment is to leave behind: JSON, a list of names.
ALTER TABLE approvals ADD COLUMN without TEXT;
