import type { Pool } from 'pg';
import { dayIn, shortDay } from '#lib/shared/dates.ts';
import { translator, type Locale } from '#lib/shared/i18n.ts';
import { fieldName } from '#lib/shared/inbox-fields.ts';
import { sentenceOf } from '#lib/shared/inbox-sentence.ts';
import { inboxWords } from '#lib/shared/inbox.ts';
import { messagesOf } from '#lib/shared/messages.ts';
import { moneyText } from '#lib/shared/money.ts';
import { channelsOf, type Channels } from '#lib/shared/notifications.ts';

/** What waits to be told outside the application, with what one has to know of its reader. */
export interface Waiting {
  id: string;
  kind: string;
  state: string;
  data: unknown;
  count: number;
  title: string;
  recordId: string;
  actorName: string | null;
  kinds: unknown;
  digest: string | null;
  email: string;
  locale: Locale;
  slug: string;
  timeZone: string;
}

/** What is told together under the name of a batch, to somebody who is still there; the oldest first. */
export async function waitingIn(
  owner: Pool,
  { queue, batch }: { queue: 'notification_letters' | 'notification_pushes'; batch: string },
): Promise<Waiting[]> {
  const { rows } = await owner.query<Waiting>(
    `select n.id, n.kind, n.state, n.data, n.count, n.title, n.record_id as "recordId", a.name as "actorName",
       p.kinds, p.digest, u.email, u.locale, o.slug, coalesce(p.time_zone, o.time_zone) as "timeZone"
     from crm.${queue} q
     join crm.notifications n on n.organization_id = q.organization_id and n.id = q.notification_id
     join crm.members m on m.organization_id = n.organization_id and m.id = n.member_id and m.is_active
     join platform.users u on u.id = m.user_id and u.is_active
     join crm.organizations o on o.id = n.organization_id and o.is_active
     left join crm.members a on a.organization_id = n.organization_id and a.id::text = n.actor
     left join crm.notification_preferences p
       on p.organization_id = n.organization_id and p.member_id = n.member_id
     where q.batch = $1
     order by n.at`,
    [batch],
  );
  return rows;
}

/** Whether it is wanted by a channel, and not read by now; who wants it there alone never reads it. */
export function isWanted({ kinds, kind, state }: Waiting, channel: keyof Channels): boolean {
  const channels = channelsOf(kinds, kind);
  return channels[channel] && (state === 'unread' || !channels.app);
}

export interface Line {
  title: string;
  text: string;
  path: string;
}

/** What is said of each, in the language of the one reader they all have. */
export async function linesOf(owner: Pool, told: Waiting[]): Promise<Line[]> {
  const [first] = told;
  if (!first) return [];
  const sentence = await speaker(owner, first);
  return told.map((one) => ({
    title: one.title,
    text: [one.actorName, sentence(one)].filter(Boolean).join(' '),
    path: `/o/${one.slug}/inbox?open=${one.recordId}`,
  }));
}

async function speaker(
  owner: Pool,
  { locale, slug, timeZone }: Waiting,
): Promise<(told: Waiting) => string> {
  const { rows } = await owner.query<{ id: string; name: string }>(
    `select s.id, s.name from crm.stages s
     join crm.organizations o on o.id = s.organization_id where o.slug = $1`,
    [slug],
  );
  const stages = new Map(rows.map(({ id, name }) => [id, name]));
  const [say, t] = [await inboxWords(locale), translator(locale, await messagesOf(locale))];
  const today = dayIn(timeZone, new Date());
  return (told) =>
    sentenceOf(say, told, {
      stage: (id) => stages.get(id),
      field: (name) => fieldName(t, name)?.toLocaleLowerCase(locale),
      money: (value, currency) => moneyText({ value, currency }, { locale }),
      day: (moment) => shortDay(dayIn(timeZone, new Date(moment)), { locale, today }),
    });
}
