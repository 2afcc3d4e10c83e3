-- Asked after every change, over a log of many partitions, which makes planning dear (a millisecond and
-- more): planned once. LATERAL with OFFSET 0 leaves the planner no choice but to look each transaction up.
create or replace function sync.read_log(org uuid, after_pos bigint, most int)
returns table (pos bigint, at timestamptz, actor text, mutation_id text, run_id text,
  entity text, id uuid, op "char", rev bigint, before jsonb, after jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan as $$
  select t.pos, t.at, t.actor, t.mutation_id, t.run_id, l.entity, l.id, l.op, l.rev, l.before, l.after
  from (select * from sync.change_tx c where c.organization_id = org and c.pos > after_pos
        order by c.pos limit most) t
  cross join lateral (select * from sync.change_log g
        where g.xid = t.xid and g.organization_id = t.organization_id and g.at = t.at offset 0) l
  order by t.pos, l.ord
$$;
