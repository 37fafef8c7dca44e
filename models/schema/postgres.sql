-- The tables of gin-perimeter, version 1, for PostgreSQL 12 or later.

CREATE TABLE IF NOT EXISTS access_tokens (
  id             bigserial PRIMARY KEY,
  label          varchar(200) NOT NULL,
  label_key      varchar(200) COLLATE "C" NOT NULL,
  digest         varchar(64) COLLATE "C" NOT NULL UNIQUE,
  hint           varchar(8) COLLATE "C" NOT NULL,
  expires_at     timestamptz,
  deactivated_at timestamptz,
  max_uses       bigint NOT NULL DEFAULT 0,
  use_count      bigint NOT NULL DEFAULT 0,
  for_name       varchar(200) NOT NULL,
  for_email      varchar(254) NOT NULL,
  for_email_key  varchar(254) COLLATE "C" NOT NULL,
  created_by     varchar(200) NOT NULL,
  version        bigint NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  -- What lists are filtered by: 0 admits, 1 is used up, 2 is deactivated.
  standing       smallint NOT NULL GENERATED ALWAYS AS (CASE WHEN deactivated_at IS NOT NULL THEN 2
                   WHEN max_uses > 0 AND use_count >= max_uses THEN 1 ELSE 0 END) STORED,
  -- The expiry, with a date for never.
  ends_at        timestamptz NOT NULL GENERATED ALWAYS AS (COALESCE(expires_at, '9999-12-31 00:00:00+00'::timestamptz)) STORED
);
CREATE INDEX IF NOT EXISTS access_tokens_by_label ON access_tokens (label_key, id);
CREATE INDEX IF NOT EXISTS access_tokens_by_email ON access_tokens (for_email_key, id);
CREATE INDEX IF NOT EXISTS access_tokens_by_hint ON access_tokens (hint);
CREATE INDEX IF NOT EXISTS access_tokens_by_standing ON access_tokens (standing, ends_at, id);
CREATE INDEX IF NOT EXISTS access_tokens_by_deactivation ON access_tokens (deactivated_at, id);

CREATE TABLE IF NOT EXISTS access_token_uses (
  id           bigserial PRIMARY KEY,
  ref          varchar(32) COLLATE "C" NOT NULL UNIQUE,
  token_id     bigint NOT NULL,
  token_check  varchar(32) COLLATE "C" NOT NULL,
  token_label  varchar(200) NOT NULL,
  name         varchar(200) NOT NULL,
  email        varchar(254) NOT NULL,
  email_key    varchar(254) COLLATE "C" NOT NULL,
  ip           varchar(64) COLLATE "C" NOT NULL,
  user_agent   varchar(512) NOT NULL,
  channel      varchar(8) NOT NULL,
  at           timestamptz NOT NULL,
  last_seen_at timestamptz,
  ended_at     timestamptz
);
-- In UTC only so that lists of one token don't use it: PostgreSQL would walk
-- from the newest use of all to the newest of that token.
CREATE INDEX IF NOT EXISTS access_token_uses_by_time ON access_token_uses ((at AT TIME ZONE 'UTC'), id) INCLUDE (at);
CREATE INDEX IF NOT EXISTS access_token_uses_by_token ON access_token_uses (token_id, at, id);
CREATE INDEX IF NOT EXISTS access_token_uses_by_email ON access_token_uses (email_key, at DESC, id DESC);
CREATE INDEX IF NOT EXISTS access_token_uses_by_ip ON access_token_uses (ip, at, id);
CREATE INDEX IF NOT EXISTS access_token_uses_by_end ON access_token_uses (ended_at);

CREATE TABLE IF NOT EXISTS access_token_changes (
  id          bigserial PRIMARY KEY,
  token_id    bigint NOT NULL,
  token_label varchar(200) NOT NULL,
  actor       varchar(200) NOT NULL,
  action      varchar(32) NOT NULL,
  "before"    text NOT NULL,
  "after"     text NOT NULL,
  form_key    varchar(64) COLLATE "C" UNIQUE,
  at          timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS access_token_changes_by_token ON access_token_changes (token_id, id);

CREATE TABLE IF NOT EXISTS perimeter_schema (
  id      bigint PRIMARY KEY,
  version bigint NOT NULL
);
INSERT INTO perimeter_schema (id, version) VALUES (1, 1)
  ON CONFLICT (id) DO UPDATE SET version = excluded.version;
