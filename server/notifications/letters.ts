import type { Pool } from 'pg';
import type { App } from '../app.ts';
import { moneyText } from '#lib/shared/money.ts';
import { shortDay, dayIn } from '#lib/shared/dates.ts';
import { translator, type Locale } from '#lib/shared/i18n.ts';
import { inboxWords } from '#lib/shared/inbox.ts';
import { fieldName } from '#lib/shared/inbox-fields.ts';
import { sentenceOf } from '#lib/shared/inbox-sentence.ts';
import { messagesOf } from '#lib/shared/messages.ts';
import { channelsOf } from '#lib/shared/notifications.ts';
import { hasPost, send, type Letter } from '../mail.ts';

const mostTries = 20;

/**
 * Sends the letters that are due, one for all that is due to a member. What goes into a letter is settled
 * before it is sent, so that after a crash the same letter is sent again under the same Message-ID.
 */
export async function sendLetters(
  app: Pick<App, 'config' | 'log'>,
  owner: Pool,
  signal: AbortSignal,
): Promise<{ sent: number; failed: number }> {
  const done = { sent: 0, failed: 0 };
  if (!hasPost(app)) {
    await owner.query('delete from crm.notification_letters where due_at <= now()');
    return done;
  }
  for (;;) {
    signal.throwIfAborted();
    const batch = await claim(owner);
    if (!batch) return done;
    try {
      const letter = await letterOf(app, owner, batch);
      if (letter) await send(app, letter);
      await owner.query('update crm.notification_letters set sent_at = now() where batch = $1', [
        batch,
      ]);
      if (letter) done.sent += 1;
    } catch (err) {
      done.failed += 1;
      app.log.warn({ err, batch }, 'a letter could not be sent');
      await putOff(owner, batch);
    }
  }
}

/** Takes what is due to one member and nobody else is at; who dies at it leaves it for later. */
async function claim(owner: Pool): Promise<string | undefined> {
  const { rows } = await owner.query<{ batch: string }>(
    `with due as materialized (
       select l.organization_id, l.member_id, l.batch, coalesce(l.batch, gen_random_uuid()) as made
       from crm.notification_letters l
       where l.sent_at is null and l.due_at <= now() and coalesce(l.leased_until, '-infinity') < now()
       order by l.due_at, l.notification_id limit 1 for update skip locked)
     update crm.notification_letters l
     set batch = due.made, leased_until = now() + interval '2 minutes', tries = l.tries + 1
     from due
     where l.organization_id = due.organization_id and l.member_id = due.member_id
       and l.batch is not distinct from due.batch and l.sent_at is null and l.due_at <= now()
     returning l.batch`,
  );
  return rows[0]?.batch;
}

/** Later and later; at last it is given up. */
async function putOff(owner: Pool, batch: string): Promise<void> {
  await owner.query(
    `update crm.notification_letters
     set leased_until = now() + least(interval '1 hour', interval '1 minute' * 2 ^ tries),
       sent_at = case when tries >= $2 then now() end
     where batch = $1`,
    [batch, mostTries],
  );
}

interface Stored {
  kind: string;
  state: string;
  data: unknown;
  count: number;
  title: string;
  recordId: string;
  actorName: string | null;
  kinds: unknown;
  email: string;
  locale: Locale;
  slug: string;
  timeZone: string;
}

/** Undefined where nothing is left to tell: it was read, put away, or taken out of sight. */
async function letterOf(
  { config }: Pick<App, 'config'>,
  owner: Pool,
  batch: string,
): Promise<Letter | undefined> {
  const { rows } = await owner.query<Stored>(
    `select n.kind, n.state, n.data, n.count, n.title, n.record_id as "recordId", a.name as "actorName", p.kinds,
       u.email, u.locale, o.slug, coalesce(p.time_zone, o.time_zone) as "timeZone"
     from crm.notification_letters l
     join crm.notifications n on n.organization_id = l.organization_id and n.id = l.notification_id
     join crm.members m on m.organization_id = n.organization_id and m.id = n.member_id and m.is_active
     join platform.users u on u.id = m.user_id and u.is_active
     join crm.organizations o on o.id = n.organization_id and o.is_active
     left join crm.members a on a.organization_id = n.organization_id and a.id::text = n.actor
     left join crm.notification_preferences p
       on p.organization_id = n.organization_id and p.member_id = n.member_id
     where l.batch = $1 and coalesce(p.digest, '') <> 'never'
     order by n.at`,
    [batch],
  );
  const told = rows.filter(({ kind, kinds, state }) => {
    const { app, email } = channelsOf(kinds, kind);
    return email && (state === 'unread' || !app);
  });
  const [first] = told;
  if (!first) return undefined;
  const { locale, slug, email } = first;
  const home = `${config.publicUrl ?? ''}/o/${slug}`;
  const say = await inboxWords(locale);
  const sentence = await speaker(owner, first);
  const lines = told.map((one) => {
    const text = [one.actorName, sentence(one)].filter(Boolean).join(' ');
    return { text, title: one.title, link: `${home}/inbox?open=${one.recordId}` };
  });
  const [line] = lines;
  const foot = say('mail.foot', { link: `${home}/settings/notifications` });
  return {
    to: email,
    subject:
      lines.length === 1 && line
        ? say('mail.subject', line)
        : say('mail.digestSubject', { count: lines.length }),
    text: [...lines.map(({ text, title, link }) => `${title}\n${text}\n${link}`), foot].join(
      '\n\n',
    ),
    messageId: `<${batch}@${new URL(config.publicUrl ?? 'http://localhost').hostname}>`,
  };
}

async function speaker(
  owner: Pool,
  { locale, slug, timeZone }: Stored,
): Promise<(told: Stored) => string> {
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
