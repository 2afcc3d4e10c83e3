-- Where the log of the organization stood at a moment: after every transaction that had begun by then and
-- had been followed by none that began later. Positions grow with time but for transactions that took
-- longer than those beside them, hence the last look back.
create function sync.position_at(moment timestamptz) returns bigint language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
declare
  o uuid := sync.org();
  low bigint := 0;
  high bigint;
  middle bigint;
  began timestamptz;
begin
  select coalesce(max(c.pos), 0) into high from sync.org_clock c where c.organization_id = o;
  while low < high loop
    middle := (low + high + 1) / 2;
    select t.at into began from sync.change_tx t where t.organization_id = o and t.pos = middle;
    if began is null or began <= moment then low := middle; else high := middle - 1; end if;
  end loop;
  return coalesce((select min(t.pos) - 1 from sync.change_tx t
    where t.organization_id = o and t.pos between low - 1000 and low and t.at > moment), low);
end $$;
revoke all on function sync.position_at(timestamptz) from public;
grant execute on function sync.position_at(timestamptz) to syncline_app;
