-- Valid for SQLite and for PostgreSQL: TEXT, BIGINT and BYTEA alone (SQLite
-- keeps a blob in a column of any type). Times are milliseconds since 1970 UTC.

CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('deployment', 0);

CREATE TABLE releases (
    project       TEXT NOT NULL, -- team/project
    version       TEXT NOT NULL,
    git_commit    TEXT,
    created_at_ms BIGINT NOT NULL,
    images        BIGINT NOT NULL,
    content       TEXT NOT NULL, -- digest of what ships
    release       TEXT NOT NULL, -- JSON
    PRIMARY KEY (project, version)
);

CREATE TABLE config (
    environment TEXT NOT NULL, -- team/project/environment, here and below
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (environment, name)
);

CREATE TABLE workload_settings (
    environment TEXT NOT NULL,
    workload    TEXT NOT NULL,
    replicas    BIGINT, -- none: as the project file says
    restarts    BIGINT NOT NULL,
    PRIMARY KEY (environment, workload)
);

CREATE TABLE secrets (
    environment   TEXT NOT NULL,
    name          TEXT NOT NULL,
    sealed        BYTEA NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (environment, name)
);

CREATE TABLE credentials (
    environment TEXT NOT NULL,
    resource    TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    PRIMARY KEY (environment, resource)
);

CREATE TABLE deployments (
    id             BIGINT PRIMARY KEY,
    project        TEXT NOT NULL,
    environment    TEXT NOT NULL,
    version        TEXT NOT NULL,
    cause          TEXT NOT NULL,
    state          TEXT NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    started_at_ms  BIGINT,
    finished_at_ms BIGINT,
    error          TEXT, -- JSON
    sealed_inputs  BYTEA NOT NULL
);

CREATE INDEX deployments_by_environment ON deployments (environment, state, id);
CREATE INDEX deployments_by_project ON deployments (project, state, id);

CREATE TABLE steps (
    deployment     BIGINT NOT NULL REFERENCES deployments (id),
    position       BIGINT NOT NULL,
    step           TEXT NOT NULL, -- JSON
    state          TEXT NOT NULL,
    started_at_ms  BIGINT,
    finished_at_ms BIGINT,
    error          TEXT, -- JSON
    PRIMARY KEY (deployment, position)
);
