-- Browsers that want to be told by push, each as long as the sign-in under which it was switched on. Where
-- they are reached is a secret, and never in the log.
set role syncline_owner;
create table platform.push_subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references platform.users on delete cascade,
  session_hash bytea not null references platform.sessions on delete cascade,
  endpoint text not null unique,
  p256dh text not null,
  auth text not null,
  created_at timestamptz not null default now(),
  -- Until then somebody is at it, or waits because it has failed so many times in a row.
  leased_until timestamptz not null default '-infinity',
  failures integer not null default 0
);
create index push_subscriptions_user on platform.push_subscriptions (user_id);
create index push_subscriptions_session on platform.push_subscriptions (session_hash);
grant select, insert, update, delete on platform.push_subscriptions to syncline_app;

-- What is to be pushed to a browser, and when; gone when it was. Several that are due together are one push,
-- the `batch`, under whose name it may come twice.
create table crm.notification_pushes (
  organization_id uuid not null references crm.organizations on delete cascade,
  notification_id uuid not null,
  subscription_id uuid not null references platform.push_subscriptions on delete cascade,
  due_at timestamptz not null,
  batch uuid,
  primary key (organization_id, notification_id, subscription_id),
  foreign key (organization_id, notification_id) references crm.notifications on delete cascade
);
create index notification_pushes_due on crm.notification_pushes (subscription_id, due_at);
reset role;
select sync.fence('crm.notification_pushes');
