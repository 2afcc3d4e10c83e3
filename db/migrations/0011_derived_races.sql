-- Two races of what is derived.

-- The deal first: whoever comes second then sees the activity of whoever was first.
create or replace function crm.refresh_next_activity(org uuid, deal uuid) returns void language sql as $$
  select from crm.deals d where d.organization_id = org and d.id = deal for no key update;
  update crm.deals d set next_activity_id = a.id, next_activity_kind = a.kind,
      next_activity_title = a.title, next_activity_at = a.due_at
    from (select 1) one left join lateral (
      select id, kind, title, due_at from crm.activities
      where organization_id = org and deal_id = deal and done_at is null and due_at is not null
      order by due_at, id limit 1) a on true
    where d.organization_id = org and d.id = deal
$$;

create or replace function crm.derive_deal() returns trigger language plpgsql as $$
declare s crm.stages;
begin
  if tg_op = 'INSERT' or new.stage_id is distinct from old.stage_id or new.state is distinct from old.state then
    -- Locked: a change of the stage's kind under way would not see this deal, nor this it.
    select * into s from crm.stages x where x.organization_id = new.organization_id and x.id = new.stage_id for share;
    new.state := coalesce(s.kind, 'open');
    if tg_op = 'INSERT' or new.stage_id is distinct from old.stage_id then
      if tg_op = 'UPDATE' then new.stage_entered_at := now(); end if;
      if new.state <> 'open' then new.probability_manual := false; end if;
      if not new.probability_manual then new.probability := coalesce(s.probability, 0); end if;
    end if;
    if new.state = 'open' then
      new.closed_on := null;
    elsif new.closed_on is null and tg_op = 'UPDATE' then
      new.closed_on := (now() at time zone (select o.time_zone from crm.organizations o where o.id = new.organization_id))::date;
    end if;
    if new.state <> 'lost' then new.lost_reason_id := null; new.lost_note := null; end if;
  end if;
  if tg_op = 'INSERT' or new.customer_id is distinct from old.customer_id then
    new.customer_name := (select c.name from crm.customers c where c.organization_id = new.organization_id and c.id = new.customer_id);
  end if;
  new.expected_revenue := round(new.value::numeric * new.probability / 100);
  return new;
end $$;
