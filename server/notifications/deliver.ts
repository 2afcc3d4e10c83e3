import { sql } from 'kysely';
import { newId } from '#lib/shared/ids.ts';
import { channelsOf, type NotificationKind } from '#lib/shared/notifications.ts';
import type { Tx } from '../live/transaction.ts';
import { holdsOne, listeners, type Listener } from './people.ts';
import { queuePushes, type QueuedPush } from './push-queue.ts';
import type { Stored } from './records.ts';
import { rules } from './rules.ts';
import type { Target, Told } from './told.ts';
import { afterQuiet, letterDue } from './when.ts';

/** What one person does to one record within this time is told of together, in milliseconds. */
const gathersFor = 600_000;
const mostInserted = 500;

type Severity = 'info' | 'warning' | 'danger';

interface Draft {
  id: string;
  listener: Listener;
  told: Told;
  target: Target;
  kind: NotificationKind;
  severity: Severity;
  data: Stored;
  count: number;
  at: Date;
  /** Whether the row is there already, and grows. */
  isKept: boolean;
}

interface Telling {
  told: Told[];
  /** Whether what is told now would not be taken away again by what is known to come after it. */
  isLasting?(listener: Listener, told: Told): boolean;
}

/**
 * Tells everybody who is to know: who may see the record now, did not do it, has not muted the record and
 * wants to hear of such things.
 */
export async function deliver(
  tx: Tx,
  organizationId: string,
  { told, isLasting = () => true }: Telling,
): Promise<void> {
  if (told.length === 0) return;
  const people = await listeners(tx);
  const follows = await followsOf(tx, told);
  const heard = new Set<string>();
  const due = told.flatMap((one) =>
    recipients(one, follows).flatMap((memberId): Wanted[] => {
      const listener = people.get(memberId);
      const target = listener && visibleTarget(listener, one, follows);
      const key = `${memberId} ${one.source}`;
      if (!listener || !target || memberId === one.actor || heard.has(key)) return [];
      if (!isLasting(listener, one)) return [];
      // The first rule speaks, also where what it says is not wanted.
      heard.add(key);
      return [[listener, one, target]];
    }),
  );
  const wanted = (await untold(tx, organizationId, due)).filter(isWished);
  if (wanted.length === 0) return;
  const drafts = gather(wanted, await growing(tx, wanted));
  await grow(
    tx,
    drafts.filter(({ isKept }) => isKept),
  );
  await insert(
    tx,
    organizationId,
    drafts.filter(({ isKept }) => !isKept),
  );
}

type Wanted = [Listener, Told, Target];

function isWished([{ kinds }, { rule }]: Wanted): boolean {
  const { app, email, push } = channelsOf(kinds, rule.kind);
  return app || email || push;
}

/** Without what they have been told already: the log may be read again. */
async function untold(tx: Tx, organizationId: string, due: Wanted[]): Promise<Wanted[]> {
  const isNew = new Set<string>();
  for (let from = 0; from < due.length; from += mostInserted) {
    const rows = due
      .slice(from, from + mostInserted)
      .map(([{ memberId }, { source, at }]) => ({ organizationId, memberId, source, at }));
    const taken = await tx
      .insertInto('notificationSources')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .returning(['memberId', 'source'])
      .execute();
    for (const { memberId, source } of taken) isNew.add(`${memberId} ${source}`);
  }
  return due.filter(([{ memberId }, { source }]) => isNew.has(`${memberId} ${source}`));
}

type Follows = Map<string, Map<string, string>>;

/** By record and member: following or muted. */
async function followsOf(tx: Tx, told: Told[]): Promise<Follows> {
  const ids = [...new Set(told.flatMap(({ targets }) => targets.map(({ id }) => id)))];
  const rows = await tx
    .selectFrom('follows')
    .select(['recordId', 'memberId', 'state'])
    .where('recordId', '=', sql<string>`any(${ids}::uuid[])`)
    .execute();
  const follows: Follows = new Map();
  for (const { recordId, memberId, state } of rows) {
    const of = follows.get(recordId) ?? new Map<string, string>();
    follows.set(recordId, of.set(memberId, state));
  }
  return follows;
}

function recipients({ to, toFollowers, targets }: Told, follows: Follows): string[] {
  const [record] = targets;
  if (!toFollowers || !record) return to;
  const chosen = [...(follows.get(record.id) ?? [])].flatMap(([memberId, state]) =>
    state === 'following' ? [memberId] : [],
  );
  const byThemselves = [record.ownerId, record.createdBy].filter((id) => typeof id === 'string');
  return [...new Set([...to, ...chosen, ...byThemselves])];
}

/** What a listener opens; undefined where he may not see what it is about, or has muted it. */
function visibleTarget(
  { memberId, keys }: Listener,
  { targets, about }: Told,
  follows: Follows,
): Target | undefined {
  if (about && !holdsOne(keys, about.keys)) return undefined;
  if (targets.some(({ id }) => follows.get(id)?.get(memberId) === 'muted')) return undefined;
  return targets.find((target) => holdsOne(keys, target.keys));
}

interface Growing {
  id: string;
  memberId: string;
  thread: string;
  kind: NotificationKind;
  severity: Severity;
  data: Stored;
  count: number;
  at: Date;
}

/** Unread rows that may grow, locked: who reads one meanwhile comes after this. */
async function growing(tx: Tx, wanted: Wanted[]): Promise<Growing[]> {
  const threads = [...new Set(wanted.flatMap(([, { thread }]) => (thread ? [thread] : [])))];
  if (threads.length === 0) return [];
  const { rows } = await sql<Growing>`
    select id, member_id, thread, kind, severity, data, count, at from notifications
    where thread = any(${threads}::text[]) and state = 'unread'
    order by id for update`.execute(tx);
  return rows;
}

function gather(wanted: Wanted[], known: Growing[]): Draft[] {
  const drafts: Draft[] = [];
  const open = new Map<string, Draft | Growing>();
  for (const row of known) {
    const key = `${row.memberId} ${row.thread}`;
    const other = open.get(key);
    if (!other || other.at < row.at) open.set(key, row);
  }
  for (const [listener, told, target] of wanted) {
    const key = `${listener.memberId} ${told.thread}`;
    const into = told.thread === '' ? undefined : open.get(key);
    const isNear = into && (told.at.getTime() - into.at.getTime() < gathersFor || isOfRun(told));
    const draft = isNear
      ? merged(into, { listener, told, target })
      : draftOf({ listener, told, target });
    if (!isNear || !('told' in into)) drafts.push(draft);
    open.set(key, draft);
  }
  return drafts;
}

const isOfRun = ({ thread, rule }: Told): boolean => thread.endsWith(`/${rule.words}`);

function draftOf({ listener, told, target }: Pick<Draft, 'listener' | 'told' | 'target'>): Draft {
  const { kind, severity = 'info' } = told.rule;
  const { data, at } = told;
  return { id: newId(), listener, told, target, kind, severity, data, count: 1, at, isKept: false };
}

const weight = (kind: string, words: unknown): number =>
  rules.findIndex((rule) => rule.kind === kind && rule.words === words);

/** The weightier of the two speaks; of two alike the newer. */
function merged(into: Draft | Growing, next: Pick<Draft, 'listener' | 'told' | 'target'>): Draft {
  const { told } = next;
  const draft: Draft = 'told' in into ? into : { ...draftOf(next), ...into, isKept: true };
  const mine = weight(told.rule.kind, told.rule.words);
  const theirs = weight(draft.kind, draft.data['words']);
  if (mine <= theirs) {
    const fields = [draft.data['fields'], told.data['fields']].flatMap((some) => some ?? []);
    draft.kind = told.rule.kind;
    draft.severity = told.rule.severity ?? 'info';
    draft.data = {
      ...told.data,
      ...(told.data['fields'] ? { fields: [...new Set(fields)] } : {}),
    };
  }
  draft.count += 1;
  draft.at = told.at;
  return draft;
}

async function grow(tx: Tx, drafts: Draft[]): Promise<void> {
  if (drafts.length === 0) return;
  const rows = drafts.map(({ id, kind, severity, data, count, at }) => ({
    id,
    kind,
    severity,
    data,
    count,
    at,
  }));
  await sql`
    update notifications n set kind = g.kind, severity = g.severity, data = g.data, count = g.count, at = g.at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as g(id uuid, kind text, severity text, data jsonb, count int, at timestamptz)
    where n.id = g.id`.execute(tx);
}

async function insert(tx: Tx, organizationId: string, drafts: Draft[]): Promise<void> {
  for (let from = 0; from < drafts.length; from += mostInserted) {
    const some = drafts.slice(from, from + mostInserted);
    await tx
      .insertInto('notifications')
      .values(some.map((draft) => rowOf(organizationId, draft)))
      .execute();
    const letters = some.flatMap((draft) => letterOf(organizationId, draft));
    if (letters.length > 0) await tx.insertInto('notificationLetters').values(letters).execute();
    await queuePushes(tx, organizationId, some.flatMap(pushOf));
  }
}

function rowOf(organizationId: string, { id, listener, told, target, ...draft }: Draft) {
  const { memberId, kinds } = listener;
  const { kind, severity, data, count, at } = draft;
  return {
    ...{ organizationId, id, memberId, kind, severity, count, at },
    entity: target.entity,
    recordId: target.id,
    subjectId: told.about && target.id !== told.about.id ? told.about.id : null,
    title: target.title,
    actor: told.actor,
    data: JSON.stringify(data),
    keys: target.keys,
    source: told.source,
    thread: told.thread,
    // Who wants only letters of it finds nothing in the inbox.
    state: channelsOf(kinds, kind).app ? ('unread' as const) : ('done' as const),
  };
}

function letterOf(organizationId: string, { id, listener, kind, at }: Draft) {
  if (!channelsOf(listener.kinds, kind).email) return [];
  const due = letterDue(listener, at.getTime());
  if (due === undefined) return [];
  return [
    { organizationId, notificationId: id, memberId: listener.memberId, dueAt: new Date(due) },
  ];
}

/** A digest is for letters: a push comes at once, or after quiet hours. */
function pushOf({ id, listener, kind, at }: Draft): QueuedPush[] {
  if (!channelsOf(listener.kinds, kind).push) return [];
  const dueAt = new Date(afterQuiet(listener, at.getTime()));
  return [{ notificationId: id, memberId: listener.memberId, dueAt }];
}
