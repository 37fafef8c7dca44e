SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.access_token_changes (
    id bigint NOT NULL,
    token_id bigint NOT NULL,
    token_label character varying(200) NOT NULL,
    actor character varying(200) NOT NULL,
    action character varying(32) NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    form_key character varying(64) COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.access_token_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.access_token_changes_id_seq OWNED BY public.access_token_changes.id;
CREATE TABLE public.access_token_uses (
    id bigint NOT NULL,
    ref character varying(32) NOT NULL COLLATE pg_catalog."C",
    token_id bigint NOT NULL,
    token_check character varying(32) NOT NULL COLLATE pg_catalog."C",
    token_label character varying(200) NOT NULL,
    name character varying(200) NOT NULL,
    email character varying(254) NOT NULL,
    email_key character varying(254) NOT NULL COLLATE pg_catalog."C",
    ip character varying(64) NOT NULL COLLATE pg_catalog."C",
    user_agent character varying(512) NOT NULL,
    channel character varying(8) NOT NULL,
    at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone,
    ended_at timestamp with time zone
);
CREATE SEQUENCE public.access_token_uses_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.access_token_uses_id_seq OWNED BY public.access_token_uses.id;
CREATE TABLE public.access_tokens (
    id bigint NOT NULL,
    label character varying(200) NOT NULL,
    label_key character varying(200) NOT NULL COLLATE pg_catalog."C",
    digest character varying(64) NOT NULL COLLATE pg_catalog."C",
    hint character varying(8) NOT NULL COLLATE pg_catalog."C",
    expires_at timestamp with time zone,
    deactivated_at timestamp with time zone,
    max_uses bigint DEFAULT 0 NOT NULL,
    use_count bigint DEFAULT 0 NOT NULL,
    for_name character varying(200) NOT NULL,
    for_email character varying(254) NOT NULL,
    for_email_key character varying(254) NOT NULL COLLATE pg_catalog."C",
    created_by character varying(200) NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    standing smallint GENERATED ALWAYS AS (
CASE
    WHEN (deactivated_at IS NOT NULL) THEN 2
    WHEN ((max_uses > 0) AND (use_count >= max_uses)) THEN 1
    ELSE 0
END) STORED NOT NULL,
    ends_at timestamp with time zone GENERATED ALWAYS AS (COALESCE(expires_at, '9999-12-31 00:00:00+00'::timestamp with time zone)) STORED NOT NULL
);
CREATE SEQUENCE public.access_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.access_tokens_id_seq OWNED BY public.access_tokens.id;
CREATE TABLE public.perimeter_schema (
    id bigint NOT NULL,
    version bigint NOT NULL
);
ALTER TABLE ONLY public.access_token_changes ALTER COLUMN id SET DEFAULT nextval('public.access_token_changes_id_seq'::regclass);
ALTER TABLE ONLY public.access_token_uses ALTER COLUMN id SET DEFAULT nextval('public.access_token_uses_id_seq'::regclass);
ALTER TABLE ONLY public.access_tokens ALTER COLUMN id SET DEFAULT nextval('public.access_tokens_id_seq'::regclass);
INSERT INTO public.access_token_changes VALUES (1, 1, 'Zoë’s preview 🦊', 'anna', 'created', '{}', '{"expires":"never","issued to":"Zoë \u003cZoe@Example.com\u003e","label":"Zoë’s preview 🦊","max uses":"any number","status":"active"}', NULL, '2026-11-22 19:00:39.519+00');
INSERT INTO public.access_token_changes VALUES (2, 2, 'Once', 'anna', 'created', '{}', '{"expires":"never","label":"Once","max uses":"1","status":"active"}', NULL, '2026-11-22 19:00:39.52+00');
INSERT INTO public.access_token_changes VALUES (3, 1, 'Zoë’s preview 🦊', 'anna', 'deactivated', '{"status":"active"}', '{"status":"deactivated"}', NULL, '2026-11-22 19:00:39.524+00');
INSERT INTO public.access_token_changes VALUES (4, 1, 'Zoë’s preview 🦊', 'anna', 'activated', '{"status":"deactivated"}', '{"status":"active"}', NULL, '2026-11-22 19:00:39.526+00');
INSERT INTO public.access_token_uses VALUES (1, 'AAECAwQFBgcICQoLDA0ODw', 1, '4acb8bb758f83f5ae11d675707e8d497', 'Zoë’s preview 🦊', 'Zoë', 'Zoe@Example.com', 'zoe@example.com', '2001:db8::1', 'Browser', 'form', '2026-03-01 12:30:15.123+00', NULL, NULL);
INSERT INTO public.access_token_uses VALUES (2, 'RNC84tbwvQgGvqnXDp35YQ', 2, '23c08bc6795ceff9b32345920f8e759d', 'Once', 'Zoë', 'zoe@example.com', 'zoe@example.com', '2001:db8::1', 'Browser', 'form', '2026-03-01 12:30:15.123+00', NULL, NULL);
INSERT INTO public.access_tokens VALUES (2, 'Once', 'once', '23c08bc6795ceff9b32345920f8e759d530f6b1ded627d8ebf602c7aab0a034a', '', NULL, NULL, 1, 1, '', '', '', 'anna', 1, '2026-11-22 19:00:39.52+00', '2026-11-22 19:00:39.52+00', DEFAULT, DEFAULT);
INSERT INTO public.access_tokens VALUES (1, 'Zoë’s preview 🦊', 'zoë’s preview 🦊', '4acb8bb758f83f5ae11d675707e8d4974b96d233ad539de3f9cc68612e45e67d', '', NULL, NULL, 0, 1, 'Zoë', 'Zoe@Example.com', 'zoe@example.com', 'anna', 3, '2026-11-22 19:00:39.517+00', '2026-11-22 19:00:39.525+00', DEFAULT, DEFAULT);
INSERT INTO public.perimeter_schema VALUES (1, 1);
SELECT pg_catalog.setval('public.access_token_changes_id_seq', 4, true);
SELECT pg_catalog.setval('public.access_token_uses_id_seq', 2, true);
SELECT pg_catalog.setval('public.access_tokens_id_seq', 2, true);
ALTER TABLE ONLY public.access_token_changes
    ADD CONSTRAINT access_token_changes_form_key_key UNIQUE (form_key);
ALTER TABLE ONLY public.access_token_changes
    ADD CONSTRAINT access_token_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.access_token_uses
    ADD CONSTRAINT access_token_uses_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.access_token_uses
    ADD CONSTRAINT access_token_uses_ref_key UNIQUE (ref);
ALTER TABLE ONLY public.access_tokens
    ADD CONSTRAINT access_tokens_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.access_tokens
    ADD CONSTRAINT access_tokens_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.perimeter_schema
    ADD CONSTRAINT perimeter_schema_pkey PRIMARY KEY (id);
CREATE INDEX access_token_changes_by_token ON public.access_token_changes USING btree (token_id, id);
CREATE INDEX access_token_uses_by_email ON public.access_token_uses USING btree (email_key, at DESC, id DESC);
CREATE INDEX access_token_uses_by_end ON public.access_token_uses USING btree (ended_at);
CREATE INDEX access_token_uses_by_ip ON public.access_token_uses USING btree (ip, at, id);
CREATE INDEX access_token_uses_by_time ON public.access_token_uses USING btree (((at AT TIME ZONE 'UTC'::text)), id) INCLUDE (at);
CREATE INDEX access_token_uses_by_token ON public.access_token_uses USING btree (token_id, at, id);
CREATE INDEX access_tokens_by_deactivation ON public.access_tokens USING btree (deactivated_at, id);
CREATE INDEX access_tokens_by_email ON public.access_tokens USING btree (for_email_key, id);
CREATE INDEX access_tokens_by_hint ON public.access_tokens USING btree (hint);
CREATE INDEX access_tokens_by_label ON public.access_tokens USING btree (label_key, id);
CREATE INDEX access_tokens_by_standing ON public.access_tokens USING btree (standing, ends_at, id);
