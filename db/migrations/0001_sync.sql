-- The change log: every committed change of a tracked row leaves one row in sync.change_log, and every
-- transaction one dense position per organization in sync.change_tx, taken at commit.
-- Roles (made before the first migration): syncline_owner owns tables, syncline_log owns the capture
-- functions and is the only writer of the log, syncline_app is the application.
create schema crm authorization syncline_owner;
create schema sync authorization syncline_owner;
create schema if not exists platform;
alter schema platform owner to syncline_owner;
grant usage on schema crm, sync, platform to syncline_app, syncline_log;
grant create on schema sync, platform to syncline_log;

set role syncline_owner;

-- Row versions, and the versions of deletions.
create sequence sync.rev cache 1;
grant usage on sequence sync.rev to syncline_app, syncline_log;

-- Empty after a SET LOCAL has ended, hence nullif: no organization, no rows.
create function sync.org() returns uuid language sql stable parallel safe as
$$ select nullif(current_setting('app.organization_id', true), '')::uuid $$;

-- One row: which life of the database this is. A restore changes it, so that clients resync.
create table sync.state (
  only_row boolean primary key default true check (only_row),
  epoch uuid not null default gen_random_uuid()
);
insert into sync.state default values;
grant select on sync.state to syncline_app;

-- Narrow and without a second index, so that its updates stay HOT.
create table sync.org_clock (
  organization_id uuid primary key,
  pos bigint not null default 0,
  xid xid8,
  at timestamptz
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);

create table sync.change_tx (
  organization_id uuid not null,
  pos bigint not null,
  xid xid8 not null,
  at timestamptz not null,
  actor text,
  mutation_id text,
  run_id text,
  primary key (organization_id, pos)
);
create index change_tx_xid on sync.change_tx (xid);

-- `before` holds only the changed columns on an update; `after` the whole row; `at` is in the key
-- because transaction ids may come again after a restore.
create table sync.change_log (
  xid xid8 not null,
  organization_id uuid not null,
  ord bigint not null,
  head boolean not null,
  entity text not null,
  id uuid not null,
  op "char" not null,
  rev bigint not null,
  before jsonb,
  after jsonb,
  at timestamptz not null,
  primary key (xid, organization_id, ord, at)
) partition by range (at);
create index change_log_record on sync.change_log (organization_id, entity, id, at);
create table sync.change_log_default partition of sync.change_log default;

-- Makes the daily partitions from two days ago to `ahead` days from now; safe to run again.
create function sync.make_partitions(ahead int default 14) returns void language plpgsql as $$
declare d date;
begin
  for d in select generate_series(current_date - 2, current_date + ahead, '1 day')::date loop
    execute format('create table if not exists sync.%I partition of sync.change_log for values from (%L) to (%L)',
      'change_log_' || to_char(d, 'YYYYMMDD'), d, d + 1);
  end loop;
end $$;
select sync.make_partitions();

-- The answer of every change, kept 90 days: a change that arrives again is answered, not done again.
create table sync.mutations (
  organization_id uuid not null,
  actor text not null,
  mutation_id text not null,
  name text not null,
  request_hash text not null,
  answer jsonb,
  pos bigint not null,
  at timestamptz not null default now(),
  primary key (organization_id, actor, mutation_id)
);
create index mutations_at on sync.mutations (at);

create table sync.tracked (
  relid regclass primary key,
  entity text not null unique,
  secret text[] not null default '{}'
);
grant select on sync.tracked to syncline_app;

do $$ declare t text;
begin
  foreach t in array array['org_clock', 'change_tx', 'change_log', 'mutations'] loop
    execute format('alter table sync.%I enable row level security', t);
    execute format('alter table sync.%I force row level security', t);
    execute format('create policy writer on sync.%I to syncline_log using (true) with check (true)', t);
  end loop;
  foreach t in array array['org_clock', 'change_tx', 'change_log'] loop
    execute format('create policy tenant on sync.%I for select to syncline_app using (organization_id = (select sync.org()))', t);
    execute format('grant select on sync.%I to syncline_app', t);
  end loop;
end $$;
create policy tenant on sync.mutations to syncline_app
  using (organization_id = (select sync.org())) with check (organization_id = (select sync.org()));
grant select, insert on sync.mutations to syncline_app;
grant select, delete on sync.mutations to syncline_log;
grant select, insert, update on sync.org_clock to syncline_log;
grant select, insert on sync.change_tx, sync.change_log to syncline_log;

reset role;

-- Takes the positions of a transaction, at its commit. Clocks are locked in ascending order of
-- organization, the same for everybody, so commits cannot deadlock on them. What is written after the
-- stamp (SET CONSTRAINTS IMMEDIATE, a later deferred trigger) joins the same position through the xid.
create function sync.stamp() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare o uuid := '00000000-0000-0000-0000-000000000000'; p bigint;
begin
  loop
    select l.organization_id into o from sync.change_log l
      where l.xid = new.xid and l.at = new.at and l.organization_id > o
      order by l.organization_id limit 1;
    exit when not found;
    update sync.org_clock c set pos = c.pos + 1, xid = new.xid, at = new.at
      where c.organization_id = o and (c.xid, c.at) is distinct from (new.xid, new.at)
      returning c.pos into p;
    if not found then
      insert into sync.org_clock as c values (o, 1, new.xid, new.at)
        on conflict (organization_id) do update set pos = c.pos + 1, xid = new.xid, at = new.at
        where (c.xid, c.at) is distinct from (new.xid, new.at) returning c.pos into p;
      continue when not found; -- stamped by an earlier firing of this transaction
    end if;
    insert into sync.change_tx values (o, p, new.xid, new.at,
      nullif(current_setting('app.actor', true), ''),
      nullif(current_setting('app.mutation_id', true), ''),
      nullif(current_setting('app.run_id', true), ''));
  end loop;
  return null;
end $$;
alter function sync.stamp() owner to syncline_log;

set role syncline_owner;
create constraint trigger zz_stamp after insert on sync.change_log
  deferrable initially deferred for each row when (new.head) execute function sync.stamp();
reset role;
revoke all on function sync.stamp() from public;

-- Gives a changed row its version. A change of nothing keeps version and time, and leaves no trace.
-- Tracked tables have no generated columns: those are not computed yet when this runs.
create function sync.before_write() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'UPDATE' then
    if new.id <> old.id or new.organization_id <> old.organization_id then
      raise exception 'id and organization_id of % are fixed', tg_relid::regclass using errcode = '0A000';
    end if;
    new.rev := old.rev;
    new.updated_at := old.updated_at;
    if record_image_eq(new, old) then return new; end if;
    new.updated_at := now();
  end if;
  new.rev := nextval('sync.rev'::regclass);
  return new;
end $$;

create function sync.refuse_truncate() returns trigger language plpgsql as $$
begin
  raise exception 'TRUNCATE of % is not captured; use DELETE', tg_relid::regclass using errcode = '0A000';
end $$;

-- Writes the log row of one changed row. Arguments: entity, secret columns (an array literal).
create function sync.capture() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  secret constant text[] := tg_argv[1]::text[];
  x xid8 := pg_current_xact_id();
  org uuid; rid uuid; version bigint; old_image jsonb; new_image jsonb;
begin
  if tg_op = 'DELETE' then
    org := old.organization_id; rid := old.id; version := nextval('sync.rev'::regclass);
    old_image := to_jsonb(old) - secret;
  else
    if tg_op = 'UPDATE' then
      if new.rev = old.rev then return null; end if;
    end if;
    org := new.organization_id; rid := new.id; version := new.rev;
    new_image := to_jsonb(new) - secret;
    if tg_op = 'INSERT' then
      -- Its version was taken before the row was free: a racing deletion of an earlier life may have a
      -- later one. Such a race is minutes long at most.
      if exists (select from sync.change_log l where l.organization_id = org and l.entity = tg_argv[0]
          and l.id = rid and l.at > now() - interval '1 hour' and l.rev >= version) then
        version := nextval('sync.rev'::regclass);
      end if;
    end if;
    if tg_op = 'UPDATE' then
      select coalesce(jsonb_object_agg(o.key, o.value), '{}') into old_image
        from jsonb_each(to_jsonb(old) - secret) o
        where o.key <> 'rev' and o.key <> 'updated_at' and new_image -> o.key is distinct from o.value;
    end if;
  end if;
  insert into sync.change_log (xid, organization_id, ord, head, entity, id, op, rev, before, after, at)
  values (x, org, version,
    not exists (select from sync.change_log l where l.xid = x and l.organization_id = org and l.at = now()),
    tg_argv[0], rid, left(tg_op, 1)::"char", version, old_image, new_image, now());
  return null;
end $$;
alter function sync.capture() owner to syncline_log;
revoke all on function sync.capture() from public;

-- Fences a table by organization: row security forced, and the application may use it. The owner is
-- named too because a foreign key's cascade, and the triggers that it fires, run as the owner.
create function sync.fence(tbl regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', tbl);
  execute format('alter table %s force row level security', tbl);
  execute format('create policy tenant on %s to syncline_app, syncline_owner using (organization_id = (select sync.org())) with check (organization_id = (select sync.org()))', tbl);
  execute format('grant select, insert, update, delete on %s to syncline_app', tbl);
end $$;

-- Puts a fenced table under the change log. `secret` columns never enter the log.
create function sync.track(tbl regclass, entity text, secret text[] default '{}') returns void language plpgsql as $$
begin
  execute format('create trigger zz_rev before insert or update on %s for each row execute function sync.before_write()', tbl);
  execute format('create trigger zz_capture after insert or update or delete on %s for each row execute function sync.capture(%L, %L)', tbl, entity, secret::text);
  execute format('create trigger zz_no_truncate before truncate on %s execute function sync.refuse_truncate()', tbl);
  insert into sync.tracked values (tbl, entity, secret);
end $$;
revoke all on function sync.fence(regclass), sync.track(regclass, text, text[]), sync.make_partitions(int) from public;

-- Ends a change: stamps the transaction now, keeps the answer under its mutation id, and returns the
-- position. Sent in one message with COMMIT, so that the clock is not held over a round trip. A change
-- that altered nothing is acknowledged with the current position.
create function sync.finish(mutation text, change text, hash text, answer jsonb) returns bigint language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare p bigint; o uuid := sync.org();
begin
  set constraints all immediate;
  select t.pos into p from sync.change_tx t
    where t.xid = pg_current_xact_id_if_assigned() and t.organization_id = o;
  if p is null then
    select coalesce(max(c.pos), 0) into p from sync.org_clock c where c.organization_id = o;
  end if;
  if mutation is not null then
    insert into sync.mutations (organization_id, actor, mutation_id, name, request_hash, answer, pos)
    values (o, coalesce(current_setting('app.actor', true), ''), mutation, change, hash, answer, p);
  end if;
  return p;
end $$;
grant execute on function sync.finish(text, text, text, jsonb) to syncline_app;

-- What moved since a snapshot, over all organizations; not stalled by open transactions anywhere.
create function sync.moved(since pg_snapshot) returns table (organization_id uuid, pos bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select t.organization_id, max(t.pos) from sync.change_tx t
  where t.xid >= pg_snapshot_xmin(since) and not pg_visible_in_snapshot(t.xid, since)
  group by 1
$$;
alter function sync.moved(pg_snapshot) owner to syncline_log;

-- Transactions of an organization after a position, oldest first; `most` counts transactions, not rows.
create function sync.read_log(org uuid, after_pos bigint, most int)
returns table (pos bigint, at timestamptz, actor text, mutation_id text, run_id text,
  entity text, id uuid, op "char", rev bigint, before jsonb, after jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select t.pos, t.at, t.actor, t.mutation_id, t.run_id, l.entity, l.id, l.op, l.rev, l.before, l.after
  from (select * from sync.change_tx c where c.organization_id = org and c.pos > after_pos
        order by c.pos limit most) t
  join sync.change_log l on l.xid = t.xid and l.organization_id = t.organization_id and l.at = t.at
  order by t.pos, l.ord
$$;
alter function sync.read_log(uuid, bigint, int) owner to syncline_log;

-- The current position of an organization.
create function sync.head(org uuid) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce((select c.pos from sync.org_clock c where c.organization_id = org), 0)
$$;
alter function sync.head(uuid) owner to syncline_log;
revoke all on function sync.moved(pg_snapshot), sync.read_log(uuid, bigint, int), sync.head(uuid) from public;
grant execute on function sync.moved(pg_snapshot), sync.read_log(uuid, bigint, int), sync.head(uuid) to syncline_app;
