-- What a change costs the log. A statement over the partitions of the log takes a lock on each of them,
-- which a month of them makes dearer than all else: a change asks the log nothing any more, and who reads
-- on names the days that he wants.

-- The organization that a transaction writes to is kept in a setting of the transaction, `<xid>:<id>`, which
-- goes back with a savepoint as the rows themselves do; `<xid>:` once there is a second organization, for
-- whose rows the log is asked. A value that was lost makes one more stamp, which finds its position taken.
create or replace function sync.capture() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  secret constant text[] := tg_argv[1]::text[];
  x xid8 := pg_current_xact_id();
  org uuid; rid uuid; version bigint; old_image jsonb; new_image jsonb;
  told constant text := coalesce(current_setting('sync.wrote', true), ''); wrote text; first boolean;
begin
  if tg_op = 'DELETE' then
    org := old.organization_id; rid := old.id; version := nextval('sync.rev'::regclass);
  else
    if tg_op = 'UPDATE' then
      if new.rev = old.rev then return null; end if;
    end if;
    org := new.organization_id; rid := new.id; version := new.rev;
    new_image := to_jsonb(new);
    if secret <> '{}' then new_image := new_image - secret; end if;
    if tg_op = 'INSERT' then
      -- Its version was taken before the row was free: a racing deletion of an earlier life may have a
      -- later one. Such a race is minutes long at most.
      if exists (select from sync.change_log l where l.organization_id = org and l.entity = tg_argv[0]
          and l.id = rid and l.at > now() - interval '1 hour' and l.rev >= version) then
        version := nextval('sync.rev'::regclass);
      end if;
    end if;
  end if;
  if tg_op <> 'INSERT' then
    old_image := to_jsonb(old);
    if secret <> '{}' then old_image := old_image - secret; end if;
  end if;
  if tg_op = 'UPDATE' then
    select coalesce(jsonb_object_agg(o.key, o.value), '{}') into old_image
      from jsonb_each(old_image) o
      where o.key <> 'rev' and o.key <> 'updated_at' and new_image -> o.key is distinct from o.value;
  end if;
  wrote := x::text || ':' || org::text;
  if told = wrote then
    first := false;
  elsif starts_with(told, x::text || ':') then
    first := not exists (select from sync.change_log l where l.xid = x and l.organization_id = org and l.at = now());
    perform set_config('sync.wrote', x::text || ':', true);
  else
    first := true;
    perform set_config('sync.wrote', wrote, true);
  end if;
  insert into sync.change_log (xid, organization_id, ord, head, entity, id, op, rev, before, after, at)
  values (x, org, version, first, tg_argv[0], rid, left(tg_op, 1)::"char", version, old_image, new_image, now());
  return null;
end $$;

-- As before, but a transaction of one organization is stamped without asking the log which there are.
create or replace function sync.stamp() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  o uuid := '00000000-0000-0000-0000-000000000000'; p bigint;
  alone constant boolean := coalesce(current_setting('sync.wrote', true), '') = new.xid::text || ':' || new.organization_id::text;
begin
  loop
    if alone then
      o := new.organization_id;
    else
      select l.organization_id into o from sync.change_log l
        where l.xid = new.xid and l.at = new.at and l.organization_id > o
        order by l.organization_id limit 1;
      exit when not found;
    end if;
    update sync.org_clock c set pos = c.pos + 1, xid = new.xid, at = new.at
      where c.organization_id = o and (c.xid, c.at) is distinct from (new.xid, new.at)
      returning c.pos into p;
    if not found then
      insert into sync.org_clock as c values (o, 1, new.xid, new.at)
        on conflict (organization_id) do update set pos = c.pos + 1, xid = new.xid, at = new.at
        where (c.xid, c.at) is distinct from (new.xid, new.at) returning c.pos into p;
    end if;
    -- Not found: stamped by an earlier firing of this transaction.
    if found then
      insert into sync.change_tx values (o, p, new.xid, new.at,
        nullif(current_setting('app.actor', true), ''),
        nullif(current_setting('app.mutation_id', true), ''),
        nullif(current_setting('app.run_id', true), ''));
    end if;
    exit when alone;
  end loop;
  return null;
end $$;

-- Transactions of an organization after a position, oldest first; `most` counts transactions, not rows.
-- The days are known before the log is opened, so that no other partition is.
create or replace function sync.read_log(org uuid, after_pos bigint, most int)
returns table (pos bigint, at timestamptz, actor text, mutation_id text, run_id text,
  entity text, id uuid, op "char", rev bigint, before jsonb, after jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare earliest timestamptz; latest timestamptz;
begin
  select min(c.at), max(c.at) into earliest, latest
    from (select t.at from sync.change_tx t where t.organization_id = org and t.pos > after_pos
          order by t.pos limit most) c;
  if earliest is null then return; end if;
  -- LATERAL with OFFSET 0 leaves the planner no choice but to look each transaction up.
  return query
    select t.pos, t.at, t.actor, t.mutation_id, t.run_id, l.entity, l.id, l.op, l.rev, l.before, l.after
    from (select * from sync.change_tx c where c.organization_id = org and c.pos > after_pos
          order by c.pos limit most) t
    cross join lateral (select * from sync.change_log g
          where g.xid = t.xid and g.organization_id = t.organization_id and g.at = t.at
            and g.at >= earliest and g.at <= latest offset 0) l
    order by t.pos, l.ord;
end $$;
