import type { Pool } from 'pg';
import type { App } from '#server/app.ts';
import { sendLetters } from '#server/notifications/letters.ts';
import { putAwayOld, remind } from '#server/notifications/reminders.ts';
import type { Job } from './clock.ts';

/** Says that a day or an hour has come: what is due, overdue, without a move, or was put off until now. */
export const reminders = ({ live }: Pick<App, 'live'>, owner: Pool): Job => ({
  name: 'reminders',
  schedule: '* * * * *',
  run: () => remind(live, owner),
});

export const oldNotifications = ({ live }: Pick<App, 'live'>, owner: Pool): Job => ({
  name: 'oldNotifications',
  schedule: '37 3 * * *',
  run: () => putAwayOld(live, owner),
});

export const letters = (app: Pick<App, 'config' | 'log'>, owner: Pool): Job => ({
  name: 'letters',
  schedule: '* * * * *',
  run: (signal) => sendLetters(app, owner, signal),
});
