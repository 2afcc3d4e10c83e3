-- With each membership, the versions of what it is made of: who remembers them sees by three rows whether
-- a person's standing is what it was.
drop function platform.memberships_of(uuid);
set role syncline_owner;
create function platform.memberships_of(person uuid)
returns table (organization_id uuid, slug text, organization_name text, member_id uuid, member_name text,
  team_id uuid, role_id uuid, role_slug text, access jsonb, standing text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.id, o.slug, o.name, m.id, m.name, m.team_id, r.id, r.slug, r.access,
    m.rev || '.' || r.rev || '.' || o.rev
  from crm.members m
  join crm.organizations o on o.id = m.organization_id and o.is_active
  join crm.roles r on r.organization_id = m.organization_id and r.id = m.role_id
  where m.user_id = person and m.is_active
  order by o.name
$$;
reset role;
alter function platform.memberships_of(uuid) owner to syncline_log;
revoke all on function platform.memberships_of(uuid) from public;
grant execute on function platform.memberships_of(uuid) to syncline_app;
