-- The tables of gin-perimeter, version 1, for SQLite 3.31 or later.
-- Times are text in UTC, in the form that Go's driver writes.

CREATE TABLE IF NOT EXISTS access_tokens (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  label          TEXT NOT NULL,
  label_key      TEXT NOT NULL,
  digest         TEXT NOT NULL UNIQUE,
  hint           TEXT NOT NULL,
  expires_at     DATETIME,
  deactivated_at DATETIME,
  max_uses       INTEGER NOT NULL DEFAULT 0,
  use_count      INTEGER NOT NULL DEFAULT 0,
  for_name       TEXT NOT NULL,
  for_email      TEXT NOT NULL,
  for_email_key  TEXT NOT NULL,
  created_by     TEXT NOT NULL,
  version        INTEGER NOT NULL DEFAULT 1,
  created_at     DATETIME NOT NULL,
  updated_at     DATETIME NOT NULL,
  -- What lists are filtered by: 0 admits, 1 is used up, 2 is deactivated.
  standing       INTEGER NOT NULL GENERATED ALWAYS AS (CASE WHEN deactivated_at IS NOT NULL THEN 2
                   WHEN max_uses > 0 AND use_count >= max_uses THEN 1 ELSE 0 END) VIRTUAL,
  -- The expiry, with a date for never.
  ends_at        DATETIME NOT NULL GENERATED ALWAYS AS (COALESCE(expires_at, '9999-12-31 00:00:00+00:00')) VIRTUAL
);
CREATE INDEX IF NOT EXISTS access_tokens_by_label ON access_tokens (label_key, id);
CREATE INDEX IF NOT EXISTS access_tokens_by_email ON access_tokens (for_email_key, id);
CREATE INDEX IF NOT EXISTS access_tokens_by_hint ON access_tokens (hint);
CREATE INDEX IF NOT EXISTS access_tokens_by_standing ON access_tokens (standing, ends_at, id);
CREATE INDEX IF NOT EXISTS access_tokens_by_deactivation ON access_tokens (deactivated_at, id);

CREATE TABLE IF NOT EXISTS access_token_uses (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  ref          TEXT NOT NULL UNIQUE,
  token_id     INTEGER NOT NULL,
  token_check  TEXT NOT NULL,
  token_label  TEXT NOT NULL,
  name         TEXT NOT NULL,
  email        TEXT NOT NULL,
  email_key    TEXT NOT NULL,
  ip           TEXT NOT NULL,
  user_agent   TEXT NOT NULL,
  channel      TEXT NOT NULL,
  at           DATETIME NOT NULL,
  last_seen_at DATETIME,
  ended_at     DATETIME
);
CREATE INDEX IF NOT EXISTS access_token_uses_by_time ON access_token_uses (at, id);
CREATE INDEX IF NOT EXISTS access_token_uses_by_token ON access_token_uses (token_id, at, id);
CREATE INDEX IF NOT EXISTS access_token_uses_by_email ON access_token_uses (email_key, at DESC, id DESC);
CREATE INDEX IF NOT EXISTS access_token_uses_by_ip ON access_token_uses (ip, at, id);
CREATE INDEX IF NOT EXISTS access_token_uses_by_end ON access_token_uses (ended_at);

CREATE TABLE IF NOT EXISTS access_token_changes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  token_id    INTEGER NOT NULL,
  token_label TEXT NOT NULL,
  actor       TEXT NOT NULL,
  action      TEXT NOT NULL,
  "before"    TEXT NOT NULL,
  "after"     TEXT NOT NULL,
  form_key    TEXT UNIQUE,
  at          DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS access_token_changes_by_token ON access_token_changes (token_id, id);

CREATE TABLE IF NOT EXISTS perimeter_schema (
  id      INTEGER PRIMARY KEY,
  version INTEGER NOT NULL
);
INSERT OR REPLACE INTO perimeter_schema (id, version) VALUES (1, 1);
