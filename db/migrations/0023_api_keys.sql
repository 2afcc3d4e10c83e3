-- Keys by which programs call as a member, with at most the key's scopes. Of the key itself there is only a
-- hash, and that is never in the log.
set role syncline_owner;
create table crm.api_keys (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  member_id uuid not null,
  name text not null,
  -- The first letters of the key, by which people tell one from another.
  prefix text not null,
  secret_hash bytea not null unique,
  scopes text[] not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);
create index api_keys_member on crm.api_keys (organization_id, member_id);

-- When a key was last used, to the minute: beside the key and out of the log, as it is nobody's change.
create table crm.api_key_uses (
  organization_id uuid not null,
  key_id uuid not null,
  at timestamptz not null default now(),
  primary key (organization_id, key_id),
  foreign key (organization_id, key_id) references crm.api_keys on delete cascade
);
reset role;

select sync.fence(t::regclass) from unnest(array['crm.api_keys', 'crm.api_key_uses']) t;
select sync.track('crm.api_keys', 'apiKeys', '{secret_hash}');

-- Whom a key acts for, before an organization is known: for a key that is good at this moment.
grant select on crm.api_keys, crm.api_key_uses to syncline_log;
create policy lookup on crm.api_keys for select to syncline_log using (true);
create policy lookup on crm.api_key_uses for select to syncline_log using (true);
create function platform.api_key_of(secret bytea)
returns table (organization_id uuid, id uuid, user_id uuid, scopes text[], used_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select k.organization_id, k.id, m.user_id, k.scopes, u.at
  from crm.api_keys k
  join crm.members m on m.organization_id = k.organization_id and m.id = k.member_id and m.is_active
  left join crm.api_key_uses u on u.organization_id = k.organization_id and u.key_id = k.id
  where k.secret_hash = secret and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
$$;
alter function platform.api_key_of(bytea) owner to syncline_log;
revoke all on function platform.api_key_of(bytea) from public;
grant execute on function platform.api_key_of(bytea) to syncline_app;

-- Administrators may do everything, so this as well. Row security holds for who migrates too, hence one
-- organization after the other.
do $$ declare organization uuid; found uuid[];
begin
  set local role syncline_log;
  found := array(select o.id from crm.organizations o);
  set local role syncline_owner;
  foreach organization in array found loop
    perform set_config('app.organization_id', organization::text, true);
    update crm.roles set access = access || '{"apiKeys": {"manage": "all"}}'
      where organization_id = organization and is_built_in and slug in ('owner', 'admin');
  end loop;
  perform set_config('app.organization_id', '', true);
  reset role;
end $$;
