import { z } from 'zod/mini';
import { defineChange } from './change.ts';
import type { Row } from './entities.ts';
import * as field from './fields.ts';

/** What one can be told of. */
export const notificationKinds = [
  'mentioned',
  'assigned',
  'comment',
  'changed',
  'stage',
  'won',
  'lost',
  'due',
  'overdue',
  'undone',
  'refused',
  'alert',
  'syncFailure',
] as const;
export type NotificationKind = (typeof notificationKinds)[number];
export type Channels = Record<'app' | 'email' | 'push', boolean>;

const usuallySent = ['mentioned', 'assigned', 'refused', 'alert', 'overdue', 'syncFailure'];

/** How each kind reaches a member who has not chosen otherwise. */
export const usualChannels = (kind: string): Channels => {
  const isPersonal = usuallySent.includes(kind);
  return { app: true, email: isPersonal, push: isPersonal };
};

export function channelsOf(kinds: unknown, kind: string): Channels {
  const chosen = (kinds as Record<string, Partial<Channels>> | undefined)?.[kind];
  return { ...usualChannels(kind), ...chosen };
}

export const digests = ['instant', 'daily', 'weekly', 'never'] as const;

const some = z.array(field.id).check(z.minLength(1), z.maxLength(500));

/** Read, unread again, or done with. */
export const markNotifications = defineChange({
  name: 'notifications.mark',
  input: z.strictObject({ ids: some, state: z.enum(['unread', 'read', 'done']) }),
  apply(rows, { ids, state }) {
    for (const id of ids) rows.patch('notifications', id, { state, snoozedUntil: null });
  },
});

/** Out of sight until a moment, and then unread. */
export const snoozeNotifications = defineChange({
  name: 'notifications.snooze',
  input: z.strictObject({ ids: some, until: field.moment }),
  apply(rows, { ids, until }) {
    for (const id of ids) {
      rows.patch('notifications', id, { state: 'snoozed', snoozedUntil: until });
    }
  },
});

/** All that is unread and was told up to a moment: what comes while one is offline stays unread. */
export const readAllNotifications = defineChange({
  name: 'notifications.readAll',
  input: z.strictObject({ upTo: field.moment }),
  apply(rows, { upTo }, { memberId }) {
    const isMeant = (row: Row<'notifications'>): boolean =>
      row.memberId === memberId && row.state === 'unread' && row.at <= upTo;
    for (const { id } of rows.where('notifications', isMeant)) {
      rows.patch('notifications', id, { state: 'read' });
    }
  },
});

/**
 * Something that was refused when it was sent, a while after it was made. `key` is its mutation id, `name` the
 * change, `about` what the record was called.
 */
export const refusedNotice = z.strictObject({
  key: z.string().check(z.minLength(1), z.maxLength(100)),
  name: z.string().check(z.maxLength(100)),
  recordId: field.id,
  about: z.optional(field.text(200)),
  madeAt: field.moment,
});
export type RefusedNotice = z.infer<typeof refusedNotice>;

const clockTime = z.string().check(z.regex(/^([01]\d|2[0-3]):[0-5]\d$/));
const chosenChannels = z.strictObject({
  app: z.boolean(),
  email: z.boolean(),
  push: z.optional(z.boolean()),
});

/** How I want to be told. What is left out stays; quiet hours come in pairs. */
export const preferNotifications = defineChange({
  name: 'notifications.prefer',
  input: z
    .strictObject({
      id: field.id,
      kinds: z.optional(z.partialRecord(z.enum(notificationKinds), chosenChannels)),
      digest: z.optional(z.enum(digests)),
      quietFrom: z.optional(z.nullable(clockTime)),
      quietTo: z.optional(z.nullable(clockTime)),
      timeZone: z.optional(z.string().check(z.refine<string>(isTimeZone, 'unknownTimeZone'))),
    })
    .check(
      z.refine(
        ({ quietFrom, quietTo }) =>
          (quietFrom === undefined) === (quietTo === undefined) &&
          (quietFrom === null) === (quietTo === null),
        { error: 'bothOrNone', path: ['quietTo'] },
      ),
    ),
  apply(rows, { id, ...chosen }, { memberId }) {
    const [mine] = rows.where('notificationPreferences', (row) => row.memberId === memberId);
    if (mine) rows.patch('notificationPreferences', mine.id, withKinds(chosen, mine.kinds));
    else {
      rows.insert('notificationPreferences', {
        ...noPreferences,
        ...withKinds(chosen, {}),
        id,
        memberId,
      });
    }
  },
});

const noPreferences = {
  kinds: {},
  digest: 'instant',
  quietFrom: null,
  quietTo: null,
  timeZone: 'UTC',
};

function withKinds(chosen: object, before: unknown): Partial<Row<'notificationPreferences'>> {
  const { kinds, ...rest } = chosen as { kinds?: object };
  return { ...rest, ...(kinds ? { kinds: { ...(before as object), ...kinds } } : {}) };
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** What can be followed. */
export const followable = ['deals', 'customers'] as const;

/** Follows a record, or mutes it; null is as it was before: owners and authors follow by themselves. */
export const setFollow = defineChange({
  name: 'follows.set',
  input: z.strictObject({
    id: field.id,
    entity: z.enum(followable),
    recordId: field.id,
    state: z.enum(['following', 'muted', 'asUsual']),
  }),
  apply(rows, { id, entity, recordId, state }, { memberId }) {
    const [mine] = rows.where('follows', (row) => row.recordId === recordId);
    if (state === 'asUsual') return mine && rows.remove('follows', mine.id);
    if (mine) rows.patch('follows', mine.id, { state });
    else rows.insert('follows', { id, memberId, entity, recordId, state });
  },
});
