-- What a server keeps beside the first tables: who may do what, the projects
-- that were described to it, what happened. The same types as before.

INSERT INTO counters (name, value) VALUES ('happening', 0);
INSERT INTO counters (name, value) VALUES ('audit', 0);
INSERT INTO counters (name, value) VALUES ('approval', 0);

CREATE INDEX deployments_by_state ON deployments (state, environment);

CREATE TABLE teams (
    name          TEXT PRIMARY KEY,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE people (
    id            TEXT PRIMARY KEY,
    login         TEXT NOT NULL UNIQUE,
    admin         BIGINT NOT NULL, -- 0 or 1
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE members (
    team   TEXT NOT NULL REFERENCES teams (name),
    person TEXT NOT NULL REFERENCES people (id),
    role   TEXT NOT NULL,
    PRIMARY KEY (team, person)
);

CREATE INDEX members_by_person ON members (person);

CREATE TABLE tokens (
    id              TEXT PRIMARY KEY,
    hash            TEXT NOT NULL UNIQUE, -- SHA-256 of the key
    name            TEXT NOT NULL,
    person          TEXT REFERENCES people (id),
    scope           TEXT NOT NULL, -- JSON
    team            TEXT,
    created_at_ms   BIGINT NOT NULL,
    expires_at_ms   BIGINT,
    last_used_at_ms BIGINT
);

CREATE TABLE sessions (
    hash          TEXT PRIMARY KEY, -- SHA-256 of the cookie
    person        TEXT NOT NULL REFERENCES people (id),
    expires_at_ms BIGINT NOT NULL
);

CREATE TABLE trusts (
    id      TEXT PRIMARY KEY,
    team    TEXT NOT NULL REFERENCES teams (name),
    content TEXT NOT NULL -- JSON
);

CREATE TABLE projects (
    project       TEXT PRIMARY KEY, -- team/project
    team          TEXT NOT NULL REFERENCES teams (name),
    files         TEXT NOT NULL, -- JSON: texts by path
    updated_at_ms BIGINT NOT NULL,
    updated_by    TEXT NOT NULL
);

CREATE TABLE approvals (
    id              BIGINT PRIMARY KEY,
    environment     TEXT NOT NULL,
    team            TEXT NOT NULL,
    version         TEXT NOT NULL,
    cause           TEXT NOT NULL,
    requested_by    TEXT NOT NULL,
    requested_at_ms BIGINT NOT NULL,
    state           TEXT NOT NULL,
    decided_by      TEXT,
    decided_at_ms   BIGINT,
    deployment      BIGINT
);

CREATE INDEX approvals_by_environment ON approvals (environment, state, id);

CREATE TABLE happenings (
    id          BIGINT PRIMARY KEY,
    team        TEXT NOT NULL,
    environment TEXT NOT NULL,
    deployment  BIGINT,
    at_ms       BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    what        TEXT NOT NULL -- JSON
);

CREATE INDEX happenings_by_team ON happenings (team, id);
CREATE INDEX happenings_by_deployment ON happenings (deployment, id);

CREATE TABLE audit (
    id      BIGINT PRIMARY KEY,
    at_ms   BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    origin  TEXT,
    action  TEXT NOT NULL,
    object  TEXT NOT NULL,
    team    TEXT,
    detail  TEXT NOT NULL -- JSON
);

CREATE INDEX audit_by_team ON audit (team, id);

CREATE TABLE answers (
    principal TEXT NOT NULL,
    key       TEXT NOT NULL, -- Idempotency-Key
    request   TEXT NOT NULL, -- hash of method, path and body
    status    BIGINT, -- none while it is being carried out
    answer    TEXT,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (principal, key)
);

CREATE TABLE chat_links (
    person  TEXT PRIMARY KEY REFERENCES people (id),
    code    TEXT UNIQUE, -- SHA-256 of a one-time code
    expires_at_ms BIGINT,
    account BIGINT UNIQUE -- of the chat service
);

CREATE TABLE chat_state (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL -- JSON
);
