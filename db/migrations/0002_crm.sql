-- People and their sessions, who stand above organizations; and the tables of an organization.
set role syncline_owner;

create table platform.users (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  name text not null,
  password_hash text,
  locale text not null default 'en' check (locale in ('en', 'ru')),
  theme text not null default 'system' check (theme in ('light', 'dark', 'system')),
  is_active boolean not null default true,
  is_platform_admin boolean not null default false,
  must_change_password boolean not null default false,
  password_changed_at timestamptz,
  last_sign_in_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index users_email on platform.users (lower(email));

create table platform.sessions (
  id_hash bytea primary key,
  user_id uuid not null references platform.users on delete cascade,
  expires_at timestamptz not null,
  user_agent text,
  ip text,
  created_at timestamptz not null default now()
);
create index sessions_user on platform.sessions (user_id);

-- A family is one sign-in for tokens; using a replaced token again ends the family.
create table platform.refresh_tokens (
  token_hash bytea primary key,
  family_id uuid not null,
  user_id uuid not null references platform.users on delete cascade,
  organization_id uuid,
  successor bytea,
  replaced_at timestamptz,
  revoked_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index refresh_tokens_family on platform.refresh_tokens (family_id);
create index refresh_tokens_user on platform.refresh_tokens (user_id);

-- Failed sign-ins and the like, counted by key; the rows of a window that is over are dead.
create table platform.throttles (
  key text primary key,
  points integer not null,
  expires_at timestamptz not null
);
grant select, insert, update, delete on all tables in schema platform to syncline_app;

create table crm.organizations (
  organization_id uuid not null,
  id uuid primary key check (id = organization_id),
  rev bigint not null default 0,
  name text not null check (length(name) between 1 and 200),
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  time_zone text not null default 'UTC',
  locale text not null default 'en' check (locale in ('en', 'ru')),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid
);

-- access: {resource: {action: level}}, level one of all, team, own, none.
create table crm.roles (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  slug text not null,
  name text not null check (length(name) between 1 and 100),
  description text not null default '',
  is_built_in boolean not null default false,
  access jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, slug)
);

create table crm.teams (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  name text not null check (length(name) between 1 and 100),
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, name),
  unique (organization_id, external_id)
);

-- A member without user_id has no account: a seller known from imported history.
create table crm.members (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  user_id uuid references platform.users on delete set null,
  name text not null check (length(name) between 1 and 200),
  email text,
  role_id uuid not null,
  team_id uuid,
  is_active boolean not null default true,
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, user_id),
  unique (organization_id, external_id),
  foreign key (organization_id, role_id) references crm.roles,
  foreign key (organization_id, team_id) references crm.teams on delete set null (team_id)
);
create index members_user on crm.members (user_id);

create table crm.invitations (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  email text,
  role_id uuid not null,
  team_id uuid,
  member_id uuid,
  token_hash bytea not null unique,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  foreign key (organization_id, role_id) references crm.roles on delete cascade,
  foreign key (organization_id, team_id) references crm.teams on delete set null (team_id),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);

-- Numbers without gaps: the row is locked until the transaction that took a number ends.
create table crm.counters (
  organization_id uuid not null references crm.organizations on delete cascade,
  name text not null,
  value bigint not null,
  primary key (organization_id, name)
);

create table crm.exchange_rates (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  valid_from date not null,
  rate numeric(20, 10) not null check (rate > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, currency, valid_from)
);
comment on column crm.exchange_rates.rate is 'units of the organization''s currency for one unit of this currency';

create table crm.pipelines (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  name text not null check (length(name) between 1 and 200),
  description text not null default '',
  is_default boolean not null default false,
  is_active boolean not null default true,
  position text collate "C" not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id)
);
create unique index pipelines_one_default on crm.pipelines (organization_id) where is_default;

create table crm.stages (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  pipeline_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  kind text not null default 'open' check (kind in ('open', 'won', 'lost')),
  probability smallint not null default 0 check (probability between 0 and 100),
  position text collate "C" not null,
  rotting_days integer check (rotting_days > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, pipeline_id, id),
  unique (organization_id, pipeline_id, name),
  foreign key (organization_id, pipeline_id) references crm.pipelines on delete cascade
);

create table crm.lost_reasons (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  name text not null check (length(name) between 1 and 100),
  position text collate "C" not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, name)
);

create table crm.products (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  name text not null check (length(name) between 1 and 200),
  series text not null default '',
  price numeric(20, 6),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  is_active boolean not null default true,
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, external_id)
);

create table crm.customers (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  code text not null,
  name text not null check (length(name) between 1 and 200),
  type text not null default 'individual' check (type in ('individual', 'business')),
  status text not null default 'lead' check (status in ('active', 'inactive', 'lead', 'prospect', 'vip')),
  email text,
  phone text check (length(phone) <= 50),
  company text check (length(company) <= 200),
  website text,
  industry text,
  street text check (length(street) <= 200),
  city text check (length(city) <= 100),
  state text check (length(state) <= 100),
  country text check (length(country) <= 100),
  postal_code text check (length(postal_code) <= 20),
  tags text[] not null default '{}',
  notes text not null default '',
  owner_id uuid,
  team_id uuid,
  custom jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, code),
  unique (organization_id, external_id),
  foreign key (organization_id, owner_id) references crm.members on delete set null (owner_id),
  foreign key (organization_id, team_id) references crm.teams on delete set null (team_id)
);

-- value and expected_revenue are minor units of currency; a blank value is null, never 0.
-- Derived by triggers, whoever writes: state, probability (unless set by hand), expected_revenue,
-- stage_entered_at, closed_on, customer_name, team_id, next_activity_*.
create table crm.deals (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  pipeline_id uuid not null,
  stage_id uuid not null,
  state text not null default 'open' check (state in ('open', 'won', 'lost')),
  rank text collate "C" not null,
  title text not null check (length(title) between 1 and 200),
  description text not null default '',
  customer_id uuid,
  customer_name text,
  value bigint,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  probability smallint not null default 0 check (probability between 0 and 100),
  probability_manual boolean not null default false,
  expected_revenue bigint,
  opened_on date,
  expected_close_on date,
  closed_on date,
  priority text not null default 'medium' check (priority in ('low', 'medium', 'high', 'urgent')),
  source text,
  tags text[] not null default '{}',
  owner_id uuid,
  team_id uuid,
  lost_reason_id uuid,
  lost_note text,
  stage_entered_at timestamptz not null default now(),
  next_activity_id uuid,
  next_activity_kind text,
  next_activity_title text,
  next_activity_at timestamptz,
  custom jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  unique (organization_id, external_id),
  foreign key (organization_id, pipeline_id) references crm.pipelines,
  foreign key (organization_id, pipeline_id, stage_id) references crm.stages (organization_id, pipeline_id, id),
  foreign key (organization_id, customer_id) references crm.customers on delete set null (customer_id),
  foreign key (organization_id, owner_id) references crm.members on delete set null (owner_id),
  foreign key (organization_id, team_id) references crm.teams on delete set null (team_id),
  foreign key (organization_id, lost_reason_id) references crm.lost_reasons on delete set null (lost_reason_id)
);
create index deals_board on crm.deals (organization_id, pipeline_id, state, stage_id, rank, id);
create index deals_customer on crm.deals (organization_id, customer_id);
create index deals_owner on crm.deals (organization_id, owner_id);
create index customers_owner on crm.customers (organization_id, owner_id);
create index customers_name on crm.customers (organization_id, name);

create table crm.deal_products (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  deal_id uuid not null,
  product_id uuid not null,
  quantity numeric(20, 6) not null default 1 check (quantity > 0),
  unit_price numeric(20, 6),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  owner_id uuid,
  team_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  foreign key (organization_id, deal_id) references crm.deals on delete cascade,
  foreign key (organization_id, product_id) references crm.products
);
create index deal_products_deal on crm.deal_products (organization_id, deal_id);

create table crm.activities (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  kind text not null check (kind in ('call', 'meeting', 'email', 'note', 'message', 'task')),
  title text not null check (length(title) between 1 and 200),
  body text not null default '',
  deal_id uuid,
  customer_id uuid,
  due_at timestamptz,
  done_at timestamptz,
  owner_id uuid,
  team_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  primary key (organization_id, id),
  foreign key (organization_id, deal_id) references crm.deals on delete cascade,
  foreign key (organization_id, customer_id) references crm.customers on delete cascade,
  foreign key (organization_id, owner_id) references crm.members on delete set null (owner_id),
  foreign key (organization_id, team_id) references crm.teams on delete set null (team_id)
);
create index activities_deal on crm.activities (organization_id, deal_id, due_at);
create index activities_customer on crm.activities (organization_id, customer_id);
create index activities_owner on crm.activities (organization_id, owner_id, due_at);

reset role;

-- Numbers of a series: 1, 2, 3 … without a gap, whatever rolls back.
create function crm.next_number(org uuid, series text) returns bigint language sql as $$
  insert into crm.counters as c values (org, series, 1)
  on conflict (organization_id, name) do update set value = c.value + 1 returning c.value
$$;

create function crm.customer_code() returns trigger language plpgsql as $$
declare n bigint;
begin
  if new.code is null or new.code = '' then
    n := crm.next_number(new.organization_id, 'customer');
    new.code := 'C' || case when n < 1000 then lpad(n::text, 3, '0') else n::text end;
  end if;
  return new;
end $$;
create trigger customer_code before insert on crm.customers for each row execute function crm.customer_code();

-- A record belongs to the team of its owner.
create function crm.team_of_owner() returns trigger language plpgsql as $$
begin
  new.team_id := null;
  -- Locked: a change of the member's team under way would not see this record, nor this it.
  select m.team_id into new.team_id from crm.members m
    where m.organization_id = new.organization_id and m.id = new.owner_id for share;
  return new;
end $$;
create trigger team_of_owner before insert or update of owner_id, team_id on crm.customers for each row execute function crm.team_of_owner();
create trigger team_of_owner before insert or update of owner_id, team_id on crm.deals for each row execute function crm.team_of_owner();
create trigger team_of_owner before insert or update of owner_id, team_id on crm.activities for each row execute function crm.team_of_owner();

create function crm.move_records_with_member() returns trigger language plpgsql as $$
begin
  update crm.customers set team_id = new.team_id where organization_id = new.organization_id and owner_id = new.id;
  update crm.deals set team_id = new.team_id where organization_id = new.organization_id and owner_id = new.id;
  update crm.activities set team_id = new.team_id where organization_id = new.organization_id and owner_id = new.id;
  return null;
end $$;
create trigger move_records_with_member after update of team_id on crm.members
  for each row when (new.team_id is distinct from old.team_id) execute function crm.move_records_with_member();

-- What a deal derives from its stage and its own figures. Probability follows the stage unless a person
-- set it by hand; a won or lost deal has a closing date, an open one has neither it nor a reason.
create function crm.derive_deal() returns trigger language plpgsql as $$
declare s crm.stages;
begin
  if tg_op = 'INSERT' or new.stage_id is distinct from old.stage_id or new.state is distinct from old.state then
    select * into s from crm.stages x where x.organization_id = new.organization_id and x.id = new.stage_id;
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
create trigger derive_deal before insert or update on crm.deals for each row execute function crm.derive_deal();

create function crm.rename_customer_in_deals() returns trigger language plpgsql as $$
begin
  update crm.deals set customer_name = new.name where organization_id = new.organization_id and customer_id = new.id;
  return null;
end $$;
create trigger rename_customer_in_deals after update of name on crm.customers
  for each row when (new.name is distinct from old.name) execute function crm.rename_customer_in_deals();

-- A stage that changes its kind or probability takes its deals along.
create function crm.stage_changes_deals() returns trigger language plpgsql as $$
begin
  update crm.deals set state = new.kind,
      probability = case when probability_manual then probability else new.probability end
    where organization_id = new.organization_id and stage_id = new.id;
  return null;
end $$;
create trigger stage_changes_deals after update of kind, probability on crm.stages
  for each row when (new.kind <> old.kind or new.probability <> old.probability) execute function crm.stage_changes_deals();

create function crm.refresh_next_activity(org uuid, deal uuid) returns void language sql as $$
  update crm.deals d set next_activity_id = a.id, next_activity_kind = a.kind,
      next_activity_title = a.title, next_activity_at = a.due_at
    from (select 1) one left join lateral (
      select id, kind, title, due_at from crm.activities
      where organization_id = org and deal_id = deal and done_at is null and due_at is not null
      order by due_at, id limit 1) a on true
    where d.organization_id = org and d.id = deal
$$;
create function crm.next_activity() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' and old.deal_id is not null then
    perform crm.refresh_next_activity(old.organization_id, old.deal_id);
  end if;
  if tg_op <> 'DELETE' and new.deal_id is not null and (tg_op = 'INSERT' or new.deal_id is distinct from old.deal_id) then
    perform crm.refresh_next_activity(new.organization_id, new.deal_id);
  end if;
  return null;
end $$;
create trigger next_activity after insert or update or delete on crm.activities for each row execute function crm.next_activity();

-- The lines of a deal carry its owner and team, so that who may see them is read from the row alone.
create function crm.line_follows_deal() returns trigger language plpgsql as $$
begin
  select d.owner_id, d.team_id into new.owner_id, new.team_id from crm.deals d
    where d.organization_id = new.organization_id and d.id = new.deal_id;
  return new;
end $$;
create trigger line_follows_deal before insert or update of deal_id, owner_id, team_id on crm.deal_products
  for each row execute function crm.line_follows_deal();
create function crm.deal_moves_lines() returns trigger language plpgsql as $$
begin
  update crm.deal_products set owner_id = new.owner_id, team_id = new.team_id
    where organization_id = new.organization_id and deal_id = new.id;
  return null;
end $$;
create trigger deal_moves_lines after update of owner_id, team_id on crm.deals for each row
  when ((new.owner_id, new.team_id) is distinct from (old.owner_id, old.team_id)) execute function crm.deal_moves_lines();

select sync.fence(('crm.' || t)::regclass) from unnest(array['organizations', 'roles', 'teams', 'members',
  'invitations', 'counters', 'exchange_rates', 'pipelines', 'stages', 'lost_reasons', 'products', 'customers',
  'deals', 'deal_products', 'activities']) t;
select sync.track('crm.organizations', 'organizations');
select sync.track('crm.roles', 'roles');
select sync.track('crm.teams', 'teams');
select sync.track('crm.members', 'members');
select sync.track('crm.invitations', 'invitations', '{token_hash}');
select sync.track('crm.exchange_rates', 'exchangeRates');
select sync.track('crm.pipelines', 'pipelines');
select sync.track('crm.stages', 'stages');
select sync.track('crm.lost_reasons', 'lostReasons');
select sync.track('crm.products', 'products');
select sync.track('crm.customers', 'customers');
select sync.track('crm.deals', 'deals');
select sync.track('crm.deal_products', 'dealProducts');
select sync.track('crm.activities', 'activities');

-- What must be known before an organization is: which ones a person belongs to, by address or by user.
-- These functions run as syncline_log, which may read just these tables.
grant usage on schema crm to syncline_log;
grant select on crm.organizations, crm.members, crm.roles, crm.invitations to syncline_log;
do $$ declare t text;
begin
  foreach t in array array['organizations', 'members', 'roles', 'invitations'] loop
    execute format('create policy lookup on crm.%I for select to syncline_log using (true)', t);
  end loop;
end $$;

-- The active memberships of a person, in active organizations.
create function platform.memberships_of(person uuid)
returns table (organization_id uuid, slug text, organization_name text, member_id uuid, member_name text,
  team_id uuid, role_id uuid, role_slug text, access jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.id, o.slug, o.name, m.id, m.name, m.team_id, r.id, r.slug, r.access
  from crm.members m
  join crm.organizations o on o.id = m.organization_id and o.is_active
  join crm.roles r on r.organization_id = m.organization_id and r.id = m.role_id
  where m.user_id = person and m.is_active
  order by o.name
$$;

-- The invitation that a link's token belongs to, whatever its state.
create function platform.invitation_of(token bytea)
returns table (organization_id uuid, id uuid, slug text, organization_name text, email text, role_id uuid,
  role_name text, team_id uuid, member_id uuid, member_name text, expires_at timestamptz, accepted_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.organization_id, i.id, o.slug, o.name, i.email, i.role_id, r.name, i.team_id, i.member_id, m.name,
    i.expires_at, i.accepted_at
  from crm.invitations i
  join crm.organizations o on o.id = i.organization_id and o.is_active
  join crm.roles r on r.organization_id = i.organization_id and r.id = i.role_id
  left join crm.members m on m.organization_id = i.organization_id and m.id = i.member_id
  where i.token_hash = token
$$;

-- The organization behind an address: its id, whether or not the asker may enter it.
create function platform.organization_by_slug(address text) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.id from crm.organizations o where o.slug = address
$$;
alter function platform.memberships_of(uuid) owner to syncline_log;
alter function platform.invitation_of(bytea) owner to syncline_log;
alter function platform.organization_by_slug(text) owner to syncline_log;
revoke all on function platform.memberships_of(uuid), platform.invitation_of(bytea), platform.organization_by_slug(text) from public;
grant execute on function platform.memberships_of(uuid), platform.invitation_of(bytea), platform.organization_by_slug(text) to syncline_app;
