-- The tables of gin-perimeter, version 1, for MariaDB 10.6 or later and MySQL
-- 8.0 or later. Times are in UTC.

CREATE TABLE IF NOT EXISTS access_tokens (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  label          VARCHAR(200) NOT NULL,
  label_key      VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  digest         VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  hint           VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  expires_at     DATETIME(3) NULL,
  deactivated_at DATETIME(3) NULL,
  max_uses       BIGINT NOT NULL DEFAULT 0,
  use_count      BIGINT NOT NULL DEFAULT 0,
  for_name       VARCHAR(200) NOT NULL,
  for_email      VARCHAR(254) NOT NULL,
  for_email_key  VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_by     VARCHAR(200) NOT NULL,
  version        BIGINT NOT NULL DEFAULT 1,
  created_at     DATETIME(3) NOT NULL,
  updated_at     DATETIME(3) NOT NULL,
  -- What lists are filtered by: 0 admits, 1 is used up, 2 is deactivated.
  standing       TINYINT GENERATED ALWAYS AS (CASE WHEN deactivated_at IS NOT NULL THEN 2
                   WHEN max_uses > 0 AND use_count >= max_uses THEN 1 ELSE 0 END) STORED,
  -- The expiry, with a date for never.
  ends_at        DATETIME(3) GENERATED ALWAYS AS (COALESCE(expires_at, TIMESTAMP'9999-12-31 00:00:00')) STORED,
  UNIQUE INDEX access_tokens_digest (digest),
  INDEX access_tokens_by_label (label_key, id),
  INDEX access_tokens_by_email (for_email_key, id),
  INDEX access_tokens_by_hint (hint),
  INDEX access_tokens_by_standing (standing, ends_at, id),
  INDEX access_tokens_by_deactivation (deactivated_at, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS access_token_uses (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ref          VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  token_id     BIGINT UNSIGNED NOT NULL,
  token_check  VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  token_label  VARCHAR(200) NOT NULL,
  name         VARCHAR(200) NOT NULL,
  email        VARCHAR(254) NOT NULL,
  email_key    VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  ip           VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  user_agent   VARCHAR(512) NOT NULL,
  channel      VARCHAR(8) NOT NULL,
  at           DATETIME(3) NOT NULL,
  last_seen_at DATETIME(3) NULL,
  ended_at     DATETIME(3) NULL,
  UNIQUE INDEX access_token_uses_ref (ref),
  INDEX access_token_uses_by_time (at, id),
  INDEX access_token_uses_by_token (token_id, at, id),
  INDEX access_token_uses_by_email (email_key, at DESC, id DESC),
  INDEX access_token_uses_by_ip (ip, at, id),
  INDEX access_token_uses_by_end (ended_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS access_token_changes (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  token_id    BIGINT UNSIGNED NOT NULL,
  token_label VARCHAR(200) NOT NULL,
  actor       VARCHAR(200) NOT NULL,
  action      VARCHAR(32) NOT NULL,
  `before`    TEXT NOT NULL,
  `after`     TEXT NOT NULL,
  form_key    VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL UNIQUE,
  at          DATETIME(3) NOT NULL,
  INDEX access_token_changes_by_token (token_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS perimeter_schema (
  id      BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL
) ENGINE=InnoDB;
REPLACE INTO perimeter_schema (id, version) VALUES (1, 1);
