-- Readers of the change log, each with a cursor for every organization; and the first of them: the history
-- of every record, for good, while the log keeps whole images for some weeks only.
set role syncline_owner;

-- The readers that there are, by name. Where one has no cursor, it begins with the first transaction.
create table sync.readers (
  name text primary key,
  started_at timestamptz not null default now()
);

create table sync.reader_cursors (
  organization_id uuid not null,
  reader text not null,
  pos bigint not null default 0,
  -- How often the transaction after `pos` has failed by itself.
  failures integer not null default 0,
  last_error text,
  updated_at timestamptz not null default now(),
  primary key (organization_id, reader)
) with (fillfactor = 40);

-- Transactions that a reader could not take in, set aside so that it can go on.
create table sync.reader_poison (
  organization_id uuid not null,
  reader text not null,
  pos bigint not null,
  error text not null,
  at timestamptz not null default now(),
  primary key (organization_id, reader, pos)
);

-- One row for each changed record and transaction. `changes`: {column: [from, to]} of an update, what names
-- the record for the others. `keys`: who could see its last image then. `digest` is made of `salt` and the
-- values, which may be erased: the seal is over the digest.
create table sync.history (
  organization_id uuid not null,
  pos bigint not null,
  ord bigint not null,
  entity text not null,
  id uuid not null,
  op "char" not null,
  actor text,
  mutation_id text,
  run_id text,
  at timestamptz not null,
  title text,
  currency text,
  changes jsonb,
  keys text[] not null,
  salt bytea,
  digest bytea not null,
  primary key (organization_id, pos, ord)
);
create index history_record on sync.history (organization_id, entity, id, pos, ord);
create index history_entity on sync.history (organization_id, entity, pos, ord);
create index history_actor on sync.history (organization_id, actor, pos, ord);
create index history_time on sync.history (organization_id, at, pos);
create index history_run on sync.history (organization_id, run_id, pos) where run_id is not null;

-- Which columns an update changed. A table and not an index over an array: under row security an index
-- serves only comparisons that cannot tell anything, which those of arrays do not promise.
create table sync.history_fields (
  organization_id uuid not null,
  entity text not null,
  field text not null,
  pos bigint not null,
  ord bigint not null,
  primary key (organization_id, entity, field, pos, ord)
);

-- What the history knows of each record: its name, and who could see its last image.
create table sync.subjects (
  organization_id uuid not null,
  entity text not null,
  id uuid not null,
  pos bigint not null,
  ord bigint not null,
  title text,
  keys text[] not null,
  is_deleted boolean not null,
  at timestamptz not null,
  primary key (organization_id, entity, id)
) with (fillfactor = 70);
create index subjects_deleted on sync.subjects (organization_id, entity, at) where is_deleted;

grant select on sync.readers to syncline_app, syncline_log;
grant insert on sync.readers to syncline_log;
reset role;

select sync.fence(t::regclass)
  from unnest(array['sync.reader_cursors', 'sync.reader_poison', 'sync.history', 'sync.history_fields', 'sync.subjects']) t;
-- What has been written of the past is not for the application to change.
revoke update, delete on sync.history, sync.history_fields from syncline_app;

set role syncline_owner;
create policy writer on sync.reader_cursors to syncline_log using (true) with check (true);
create policy writer on sync.reader_poison to syncline_log using (true) with check (true);
grant select, insert on sync.reader_cursors to syncline_log;
grant select on sync.reader_poison to syncline_log;
reset role;

-- Makes a reader known. One that begins now passes by all that is in the log already; organizations that
-- come later it reads from their beginning.
create function sync.start_reader(reader_name text, from_now boolean) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into sync.readers (name) values (reader_name) on conflict do nothing;
  if found and from_now then
    insert into sync.reader_cursors (organization_id, reader, pos)
      select c.organization_id, reader_name, c.pos from sync.org_clock c on conflict do nothing;
  end if;
end $$;
alter function sync.start_reader(text, boolean) owner to syncline_log;

-- Where readers stand in each organization; `since` is when the first transaction was made that waits.
create function sync.reader_state(names text[])
returns table (reader text, organization_id uuid, pos bigint, head bigint, since timestamptz,
  failures int, last_error text, poison bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select n, c.organization_id, coalesce(r.pos, 0), c.pos,
    case when c.pos > coalesce(r.pos, 0) then
      (select t.at from sync.change_tx t where t.organization_id = c.organization_id
         and t.pos > coalesce(r.pos, 0) order by t.pos limit 1) end,
    coalesce(r.failures, 0), r.last_error,
    (select count(*) from sync.reader_poison p where p.organization_id = c.organization_id and p.reader = n)
  from unnest(names) n cross join sync.org_clock c
  left join sync.reader_cursors r on r.organization_id = c.organization_id and r.reader = n
$$;
alter function sync.reader_state(text[]) owner to syncline_log;
revoke all on function sync.start_reader(text, boolean), sync.reader_state(text[]) from public;
grant execute on function sync.start_reader(text, boolean), sync.reader_state(text[]) to syncline_app;
