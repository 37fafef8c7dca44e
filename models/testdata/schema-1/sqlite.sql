PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE access_tokens (
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
  standing       INTEGER NOT NULL GENERATED ALWAYS AS (CASE WHEN deactivated_at IS NOT NULL THEN 2
                   WHEN max_uses > 0 AND use_count >= max_uses THEN 1 ELSE 0 END) VIRTUAL,
  ends_at        DATETIME NOT NULL GENERATED ALWAYS AS (COALESCE(expires_at, '9999-12-31 00:00:00+00:00')) VIRTUAL
);
INSERT INTO access_tokens VALUES(1,'Zoë’s preview 🦊','zoë’s preview 🦊','4acb8bb758f83f5ae11d675707e8d4974b96d233ad539de3f9cc68612e45e67d','',NULL,NULL,0,1,'Zoë','Zoe@Example.com','zoe@example.com','anna',3,'2026-11-22 19:00:39.252+00:00','2026-11-22 19:00:39.254+00:00');
INSERT INTO access_tokens VALUES(2,'Once','once','23c08bc6795ceff9b32345920f8e759d530f6b1ded627d8ebf602c7aab0a034a','',NULL,NULL,1,1,'','','','anna',1,'2026-11-22 19:00:39.253+00:00','2026-11-22 19:00:39.253+00:00');
CREATE TABLE access_token_uses (
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
INSERT INTO access_token_uses VALUES(1,'AAECAwQFBgcICQoLDA0ODw',1,'4acb8bb758f83f5ae11d675707e8d497','Zoë’s preview 🦊','Zoë','Zoe@Example.com','zoe@example.com','2001:db8::1','Browser','form','2026-03-01 12:30:15.123+00:00',NULL,NULL);
INSERT INTO access_token_uses VALUES(2,'UhVFSOy7iat28QiXt1FJmw',2,'23c08bc6795ceff9b32345920f8e759d','Once','Zoë','zoe@example.com','zoe@example.com','2001:db8::1','Browser','form','2026-03-01 12:30:15.123+00:00',NULL,NULL);
CREATE TABLE access_token_changes (
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
INSERT INTO access_token_changes VALUES(1,1,'Zoë’s preview 🦊','anna','created','{}','{"expires":"never","issued to":"Zoë \u003cZoe@Example.com\u003e","label":"Zoë’s preview 🦊","max uses":"any number","status":"active"}',NULL,'2026-11-22 19:00:39.253+00:00');
INSERT INTO access_token_changes VALUES(2,2,'Once','anna','created','{}','{"expires":"never","label":"Once","max uses":"1","status":"active"}',NULL,'2026-11-22 19:00:39.253+00:00');
INSERT INTO access_token_changes VALUES(3,1,'Zoë’s preview 🦊','anna','deactivated','{"status":"active"}','{"status":"deactivated"}',NULL,'2026-11-22 19:00:39.254+00:00');
INSERT INTO access_token_changes VALUES(4,1,'Zoë’s preview 🦊','anna','activated','{"status":"deactivated"}','{"status":"active"}',NULL,'2026-11-22 19:00:39.254+00:00');
CREATE TABLE perimeter_schema (
  id      INTEGER PRIMARY KEY,
  version INTEGER NOT NULL
);
INSERT INTO perimeter_schema VALUES(1,1);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('access_tokens',2);
INSERT INTO sqlite_sequence VALUES('access_token_changes',4);
INSERT INTO sqlite_sequence VALUES('access_token_uses',2);
CREATE INDEX access_tokens_by_label ON access_tokens (label_key, id);
CREATE INDEX access_tokens_by_email ON access_tokens (for_email_key, id);
CREATE INDEX access_tokens_by_hint ON access_tokens (hint);
CREATE INDEX access_tokens_by_standing ON access_tokens (standing, ends_at, id);
CREATE INDEX access_tokens_by_deactivation ON access_tokens (deactivated_at, id);
CREATE INDEX access_token_uses_by_time ON access_token_uses (at, id);
CREATE INDEX access_token_uses_by_token ON access_token_uses (token_id, at, id);
CREATE INDEX access_token_uses_by_email ON access_token_uses (email_key, at DESC, id DESC);
CREATE INDEX access_token_uses_by_ip ON access_token_uses (ip, at, id);
CREATE INDEX access_token_uses_by_end ON access_token_uses (ended_at);
CREATE INDEX access_token_changes_by_token ON access_token_changes (token_id, id);
COMMIT;
