-- Acts that change no record, and the seal over the history.
set role syncline_owner;

-- Signing in, what was refused, what was taken out. `about` is whatever else tells what it was.
create table sync.audit_events (
  organization_id uuid not null,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  kind text not null,
  member_id uuid,
  ip text,
  user_agent text,
  request_id text,
  about jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id)
);

-- A link of the chain: the history of `from_pos` to `to_pos`, which are closed. `hash` is over the hash of the
-- link before and every row; `signature` is over the hash. The application may read it and no more.
create table sync.seals (
  organization_id uuid not null,
  to_pos bigint not null,
  from_pos bigint not null,
  rows integer not null,
  previous bytea not null,
  hash bytea not null,
  signature bytea not null,
  at timestamptz not null default now(),
  primary key (organization_id, to_pos),
  unique (organization_id, from_pos)
);

-- What the last look at the whole chain has found.
create table sync.seal_checks (
  organization_id uuid primary key,
  sealed_to bigint not null,
  findings text[] not null,
  at timestamptz not null default now()
);
reset role;

select sync.fence(t::regclass) from unnest(array['sync.audit_events', 'sync.seals', 'sync.seal_checks']) t;
select sync.track('sync.audit_events', 'auditEvents');
-- An act that was is not taken back.
revoke update, delete on sync.audit_events from syncline_app;
revoke insert, update, delete on sync.seals, sync.seal_checks from syncline_app;
