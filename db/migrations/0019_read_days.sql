-- Whether a stretch of the change log has still to be read by one of some readers, or has something that was
-- set aside; over all organizations but nobody's, whichever login asks.
create function sync.is_unread(since timestamptz, until timestamptz, names text[], nobody uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with stretch as materialized (
    select t.organization_id, t.pos
    from (select distinct l.xid, l.organization_id, l.at from sync.change_log l
          where l.at >= since and l.at < until and l.organization_id <> nobody) l
    join sync.change_tx t on t.xid = l.xid and t.organization_id = l.organization_id and t.at = l.at)
  select exists (
      select from (select organization_id, max(pos) as pos from stretch group by 1) s cross join unnest(names) n
      left join sync.reader_cursors c on c.organization_id = s.organization_id and c.reader = n
      where coalesce(c.pos, 0) < s.pos)
    or exists (
      select from stretch s join sync.reader_poison p on p.organization_id = s.organization_id and p.pos = s.pos)
$$;
alter function sync.is_unread(timestamptz, timestamptz, text[], uuid) owner to syncline_log;
revoke all on function sync.is_unread(timestamptz, timestamptz, text[], uuid) from public;
grant execute on function sync.is_unread(timestamptz, timestamptz, text[], uuid) to syncline_owner;
