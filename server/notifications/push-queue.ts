import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { Tx } from '../live/transaction.ts';
import type { Outcome } from './push-post.ts';

export interface QueuedPush {
  notificationId: string;
  memberId: string;
  dueAt: Date;
}

/** A row for each browser that a member has switched on by now. */
export async function queuePushes(
  tx: Tx,
  organizationId: string,
  queued: QueuedPush[],
): Promise<void> {
  if (queued.length === 0) return;
  const rows = queued.map(({ notificationId, memberId, dueAt }) => ({
    notification_id: notificationId,
    member_id: memberId,
    due_at: dueAt,
  }));
  await sql`
    insert into notification_pushes (organization_id, notification_id, subscription_id, due_at)
    select ${organizationId}::uuid, q.notification_id, s.id, q.due_at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as q(notification_id uuid, member_id uuid, due_at timestamptz)
    join members m on m.id = q.member_id
    join platform.push_subscriptions s on s.user_id = m.user_id
    for key share of s`.execute(tx);
}

/** A browser to be told what is due to it, in one organization; nobody else is at it. */
export interface Claim {
  subscriptionId: string;
  organizationId: string;
  batch: string;
  endpoint: string;
  p256dh: string;
  auth: string;
}

/**
 * Takes the browser that has waited longest, but for those of busy hosts, and settles what is in its push.
 * Who dies at it leaves it for a minute, and then the same push is sent again.
 */
export async function claimPush(owner: Pool, busyHosts: string[]): Promise<Claim | undefined> {
  const { rows } = await owner.query<Claim>(
    `with free as materialized (
       select s.id from platform.push_subscriptions s
       join platform.sessions i on i.id_hash = s.session_hash and i.expires_at > now()
       join lateral (select p.due_at from crm.notification_pushes p
         where p.subscription_id = s.id and p.due_at <= now() order by p.due_at limit 1) p on true
       where s.leased_until < now() and split_part(s.endpoint, '/', 3) <> all ($1::text[])
       order by p.due_at limit 1 for update of s skip locked),
     taken as (
       update platform.push_subscriptions s set leased_until = now() + interval '1 minute'
       from free where s.id = free.id returning s.id, s.endpoint, s.p256dh, s.auth),
     one as (
       select p.organization_id, p.batch, coalesce(p.batch, gen_random_uuid()) as made
       from crm.notification_pushes p join free on free.id = p.subscription_id
       where p.due_at <= now() order by p.batch nulls last, p.due_at limit 1),
     settled as (
       update crm.notification_pushes p set batch = one.made from one, free
       where p.subscription_id = free.id and p.organization_id = one.organization_id
         and p.batch is null and one.batch is null and p.due_at <= now())
     select taken.id as "subscriptionId", one.organization_id as "organizationId", one.made as batch,
       taken.endpoint, taken.p256dh, taken.auth
     from taken, one`,
    [busyHosts],
  );
  return rows[0];
}

/** Notes what became of a push, and lets go of its browser. */
export async function settlePush(
  owner: Pool,
  { subscriptionId, batch }: Claim,
  outcome: Outcome,
): Promise<void> {
  switch (outcome.is) {
    case 'gone':
      await owner.query('delete from platform.push_subscriptions where id = $1', [subscriptionId]);
      return;
    case 'again':
      await owner.query(
        `update platform.push_subscriptions
         set failures = failures + 1, leased_until = now() + greatest(make_interval(secs => $2),
           least(interval '1 hour', interval '5 seconds' * 2 ^ least(failures, 20)))
         where id = $1`,
        [subscriptionId, outcome.after],
      );
      return;
    case 'taken':
    case 'dropped':
      await owner.query(
        `with done as (delete from crm.notification_pushes where subscription_id = $1 and batch = $2)
         update platform.push_subscriptions set failures = 0, leased_until = '-infinity' where id = $1`,
        [subscriptionId, batch],
      );
  }
}

/** What could not be handed over within a day is no news any more. */
export async function forgetStale(owner: Pool): Promise<void> {
  await owner.query(`delete from crm.notification_pushes where due_at < now() - interval '1 day'`);
}
