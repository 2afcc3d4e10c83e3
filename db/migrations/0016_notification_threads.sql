-- What is told of together: rows of one member with the same `thread` become one while it is unread.
set role syncline_owner;
alter table crm.notifications add column thread text not null default '';
create index notifications_thread on crm.notifications (organization_id, thread) where thread <> '';

-- What each member has been told, as long as the log could be read again: it is not told twice.
create table crm.notification_sources (
  organization_id uuid not null references crm.organizations on delete cascade,
  member_id uuid not null,
  source text not null,
  at timestamptz not null,
  primary key (organization_id, member_id, source),
  foreign key (organization_id, member_id) references crm.members on delete cascade
);
create index notification_sources_at on crm.notification_sources (at);
reset role;
select sync.fence('crm.notification_sources');
