-- What each member is told, follows, wants to be told, and when he last looked: rows of his own.
set role syncline_owner;

-- `entity` and `record_id`: what is opened and grouped by; `subject_id`: the activity it is about, where that
-- is something else. `keys`: who could see the record when this was written, for when it is gone. `source`
-- names what it was made of, so that nothing is told twice.
create table crm.notifications (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  member_id uuid not null,
  kind text not null,
  severity text not null default 'info' check (severity in ('info', 'warning', 'danger')),
  entity text not null,
  record_id uuid not null,
  subject_id uuid,
  title text not null,
  actor text,
  data jsonb not null default '{}',
  count integer not null default 1,
  keys text[] not null,
  source text not null,
  at timestamptz not null,
  state text not null default 'unread' check (state in ('unread', 'read', 'snoozed', 'done')),
  snoozed_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, member_id, source),
  check ((state = 'snoozed') = (snoozed_until is not null)),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);
create index notifications_member on crm.notifications (organization_id, member_id, state, at);
create index notifications_record on crm.notifications (organization_id, record_id);
create index notifications_subject on crm.notifications (organization_id, subject_id) where subject_id is not null;
create index notifications_snoozed on crm.notifications (snoozed_until) where state = 'snoozed';

-- Owners and authors follow without a row; a row says otherwise.
create table crm.follows (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  member_id uuid not null,
  entity text not null,
  record_id uuid not null,
  state text not null check (state in ('following', 'muted')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, member_id, entity, record_id),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);
create index follows_record on crm.follows (organization_id, record_id);

-- `kinds`: {kind: {app, email, push}} where it is not as usual. Quiet hours are clock times in `time_zone`.
create table crm.notification_preferences (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  member_id uuid not null,
  kinds jsonb not null default '{}',
  digest text not null default 'instant' check (digest in ('instant', 'daily', 'weekly', 'never')),
  quiet_from text check (quiet_from ~ '^[0-2][0-9]:[0-5][0-9]$'),
  quiet_to text check (quiet_to ~ '^[0-2][0-9]:[0-5][0-9]$'),
  time_zone text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, member_id),
  check ((quiet_from is null) = (quiet_to is null)),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);

-- How far a member has seen what happens at a place: `board/<pipeline>`, `customers`, `deals/<id>`.
create table crm.looks (
  organization_id uuid not null references crm.organizations on delete cascade,
  id uuid not null default gen_random_uuid(),
  rev bigint not null default 0,
  member_id uuid not null,
  place text not null,
  position bigint not null,
  at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, member_id, place),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);

-- What is to be sent by e-mail, and when. Several that are due together make one letter, the `batch`: once
-- made it stays the same, so that a letter that is sent again after a crash is known by its Message-ID.
create table crm.notification_letters (
  organization_id uuid not null references crm.organizations on delete cascade,
  notification_id uuid not null,
  member_id uuid not null,
  due_at timestamptz not null,
  batch uuid,
  leased_until timestamptz,
  tries integer not null default 0,
  sent_at timestamptz,
  primary key (organization_id, notification_id),
  foreign key (organization_id, notification_id) references crm.notifications on delete cascade,
  foreign key (organization_id, member_id) references crm.members on delete cascade
);
create index notification_letters_due on crm.notification_letters (due_at) where sent_at is null;

reset role;

select sync.fence(('crm.' || t)::regclass)
  from unnest(array['notifications', 'follows', 'notification_preferences', 'looks', 'notification_letters']) t;
select sync.track('crm.notifications', 'notifications', '{keys}');
select sync.track('crm.follows', 'follows');
select sync.track('crm.notification_preferences', 'notificationPreferences');
select sync.track('crm.looks', 'looks');
