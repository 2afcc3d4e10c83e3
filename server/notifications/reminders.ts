import { sql } from 'kysely';
import type { Pool } from 'pg';
import { commit, type Committer } from '../live/commit.ts';
import type { Tx } from '../live/transaction.ts';
import { brokenSealsNow } from './broken-seals.ts';
import { deliver } from './deliver.ts';
import type { Stored } from './records.ts';
import { changeOf, type Change, type Rule } from './rules.ts';
import { setAsideNow } from './set-aside.ts';
import { placesOf, type Told } from './told.ts';

/** What passed so long ago is not told any more: somebody brought it from elsewhere. */
const latest = '7 days';

/**
 * Says what no change says: that a day or an hour has come. `owner` sees all organizations. Safe to run
 * again: each thing is told once.
 */
export async function remind(server: Committer, owner: Pool): Promise<{ organizations: number }> {
  const { rows } = await owner.query<{ id: string }>(
    'select id from crm.organizations where is_active order by id',
  );
  for (const { id } of rows) {
    await commit(server, { organizationId: id, actor: 'reminders' }, async (tx) => {
      await wake(tx);
      const told = [await dueNow(tx), await setAsideNow(tx), await brokenSealsNow(tx)];
      await deliver(tx, id, { told: told.flat() });
    });
  }
  return { organizations: rows.length };
}

/** Puts away what was read a month ago, and lets go of what is older than three. */
export async function putAwayOld(server: Committer, owner: Pool): Promise<object> {
  const { rows } = await owner.query<{ id: string }>(
    'select id from crm.organizations order by id',
  );
  for (const { id } of rows) {
    await commit(server, { organizationId: id, actor: 'reminders' }, async (tx) => {
      await sql`delete from notifications where at < now() - interval '90 days'`.execute(tx);
      await sql`update notifications set state = 'done'
        where state = 'read' and at < now() - interval '30 days'`.execute(tx);
    });
  }
  return { organizations: rows.length };
}

/** What was put off until now. */
async function wake(tx: Tx): Promise<void> {
  await tx
    .updateTable('notifications')
    .set({ state: 'unread', snoozedUntil: null })
    .where('state', '=', 'snoozed')
    .where('snoozedUntil', '<=', sql<Date>`now()`)
    .execute();
}

interface Due {
  id: string;
  entity: 'activities' | 'deals';
  words: 'due' | 'overdue' | 'rotting';
  source: string;
  row: Stored;
  days: number | null;
}

const rules = {
  due: { kind: 'due', words: 'due' },
  overdue: { kind: 'overdue', words: 'overdue', severity: 'danger' },
  rotting: { kind: 'alert', words: 'rotting', severity: 'warning' },
} as const satisfies Record<string, Pick<Rule, 'kind' | 'words' | 'severity'>>;

async function dueNow(tx: Tx): Promise<Told[]> {
  const { rows } = await sql<Due>`
    with here as (select id, time_zone from organizations), found as (
      select a.id, 'activities' as entity, to_jsonb(a) as row, null::int as days,
        case when ends.at <= now() then 'overdue' else 'due' end as words,
        extract(epoch from a.due_at)::bigint as moment, array[a.owner_id] as listeners
      from activities a, here,
        lateral (select a.due_at at time zone here.time_zone as due) clock,
        -- Midnight stands for the whole day, as on the board.
        lateral (select case when date_trunc('minute', clock.due)::time = '00:00'
          then (clock.due + interval '1 day') at time zone here.time_zone else a.due_at end as at) ends
      where a.done_at is null and a.owner_id is not null and a.due_at > now() - ${latest}::interval
        and clock.due::date <= (now() at time zone here.time_zone)::date
      union all
      select d.id, 'deals', to_jsonb(d), s.rotting_days, 'rotting',
        extract(epoch from d.stage_entered_at)::bigint,
        array[d.owner_id, d.created_by] || array(select w.member_id from follows w
          where w.record_id = d.id and w.state = 'following')
      from deals d join stages s on s.organization_id = d.organization_id and s.id = d.stage_id
      where d.state = 'open'
        and d.stage_entered_at + make_interval(days => s.rotting_days) <= now()
        and d.stage_entered_at + make_interval(days => s.rotting_days) > now() - ${latest}::interval)
    select f.id, f.entity, f.row, f.words, f.days, f.words || '/' || f.id || '/' || f.moment as source
    from found f
    where exists (select from members m
      where m.id = any(f.listeners) and m.is_active and m.user_id is not null
        and not exists (select from notification_sources s where s.member_id = m.id
          and s.source = f.words || '/' || f.id || '/' || f.moment))
    order by f.moment`.execute(tx);
  const changes = rows.map(changeNow);
  const places = await placesOf(tx, changes);
  return rows.flatMap(({ words, source, row, days }, at): Told[] => {
    const change = changes[at];
    if (!change) return [];
    return [
      {
        rule: rules[words],
        to: words === 'rotting' ? [] : [String(row['owner_id'])],
        toFollowers: words === 'rotting',
        ...places(change),
        actor: null,
        data: {
          words,
          ...(days === null ? { text: row['title'], dueAt: row['due_at'] } : { days }),
        },
        position: 0,
        source,
        thread: '',
        at: change.tx.at,
      },
    ];
  });
}

/** The row as if it had been changed now. */
function changeNow({ entity, id, row }: Due): Change {
  const tx = {
    organizationId: '',
    position: Number.MAX_SAFE_INTEGER,
    at: new Date(),
    actor: null,
    mutationId: null,
  };
  const logged = { entity, id, op: 'U', rev: 0, before: {}, after: row } as const;
  return changeOf({ ...tx, runId: null, rows: [] }, logged);
}
