-- Sessions of the page, and who people are at an OpenID Connect provider. The same
-- types as before.

DROP TABLE sessions;

CREATE TABLE sessions (
    hash          TEXT PRIMARY KEY, -- SHA-256 of the cookie
    person        TEXT NOT NULL REFERENCES people (id),
    token         TEXT, -- the token that opened it, and with which it ends
    used_at_ms    BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);

CREATE INDEX sessions_by_person ON sessions (person);

CREATE TABLE identities (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    person  TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (issuer, subject)
);
