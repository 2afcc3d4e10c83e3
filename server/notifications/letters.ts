import type { Pool } from 'pg';
import type { App } from '../app.ts';
import { inboxWords } from '#lib/shared/inbox.ts';
import { hasPost, send, type Letter } from '../mail.ts';
import { isWanted, linesOf, waitingIn } from './lines.ts';

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

/** Undefined where nothing is left to tell: it was read, put away, or taken out of sight. */
async function letterOf(
  { config }: Pick<App, 'config'>,
  owner: Pool,
  batch: string,
): Promise<Letter | undefined> {
  const waiting = await waitingIn(owner, { queue: 'notification_letters', batch });
  const told = waiting.filter((one) => one.digest !== 'never' && isWanted(one, 'email'));
  const [first] = told;
  if (!first) return undefined;
  const { locale, email, slug } = first;
  const origin = config.publicUrl ?? '';
  const say = await inboxWords(locale);
  const lines = (await linesOf(owner, told)).map(({ path, ...line }) => ({
    ...line,
    link: `${origin}${path}`,
  }));
  const [line] = lines;
  const foot = say('mail.foot', { link: `${origin}/o/${slug}/settings/notifications` });
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
