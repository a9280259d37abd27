-- What is kept of an alert of an environment: when it was last told, and until when
-- nobody wants to be told.

CREATE TABLE alerts (
    environment TEXT NOT NULL,
    alert TEXT NOT NULL,
    told_at_ms BIGINT,
    muted_until_ms BIGINT,
    PRIMARY KEY (environment, alert)
);
