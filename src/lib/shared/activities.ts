import { z } from 'zod/mini';
import { defineChange, type LocalRows } from './change.ts';
import * as field from './fields.ts';
import { newId } from './ids.ts';

export const activityKinds = ['call', 'meeting', 'email', 'note', 'message', 'task'] as const;

const editable = {
  kind: z.enum(activityKinds),
  title: field.name(),
  body: field.text(),
  dealId: z.nullable(field.id),
  customerId: z.nullable(field.id),
  dueAt: z.nullable(field.moment),
  ownerId: z.nullable(field.id),
  mentions: z.array(field.id).check(z.maxLength(20)),
};
const some = z.partial(z.strictObject(editable)).shape;

export const createActivity = defineChange({
  name: 'activities.create',
  input: z.strictObject({
    ...some,
    id: field.id,
    kind: editable.kind,
    title: editable.title,
    /** What has already happened is entered as done. */
    doneAt: z.optional(z.nullable(field.moment)),
  }),
  apply(rows, { id, kind, title, ...fields }, { memberId, now }) {
    rows.insert('activities', {
      id,
      kind,
      title,
      body: fields.body ?? '',
      dealId: fields.dealId ?? null,
      customerId: fields.customerId ?? null,
      dueAt: fields.dueAt ?? null,
      doneAt: fields.doneAt ?? null,
      mentions: fields.mentions ?? [],
      ownerId: fields.ownerId === undefined ? memberId : fields.ownerId,
      teamId: null,
      createdAt: now,
      createdBy: memberId,
    });
    showNext(rows, fields.dealId);
  },
});

/** A note as an activity that has already happened: its title is how the text begins. */
export function noteOf(text: string, mentions: string[] = []) {
  const [title = ''] = text.trim().split('\n');
  return {
    id: newId(),
    kind: 'note' as const,
    title: title.slice(0, 200).trim(),
    body: text,
    mentions,
    doneAt: Date.now(),
  };
}

export const updateActivity = defineChange({
  name: 'activities.update',
  input: z.strictObject({ id: field.id, ...some }),
  apply(rows, { id, ...fields }) {
    const before = rows.get('activities', id);
    rows.patch('activities', id, fields);
    showNext(rows, before?.dealId);
    if (fields.dealId !== before?.dealId) showNext(rows, fields.dealId);
  },
});

export const completeActivity = defineChange({
  name: 'activities.complete',
  input: z.strictObject({ id: field.id, isDone: z.boolean() }),
  apply(rows, { id, isDone }, { now }) {
    rows.patch('activities', id, { doneAt: isDone ? now : null });
    showNext(rows, rows.get('activities', id)?.dealId);
  },
});

export const deleteActivity = defineChange({
  name: 'activities.delete',
  input: z.strictObject({ id: field.id }),
  apply(rows, { id }) {
    const dealId = rows.get('activities', id)?.dealId;
    rows.remove('activities', id);
    showNext(rows, dealId);
  },
});

/** The next activity of a deal is the earliest that is due and not done; the database derives the same. */
function showNext(rows: LocalRows, dealId: string | null | undefined): void {
  if (!dealId || !rows.get('deals', dealId)) return;
  const [next] = rows
    .where(
      'activities',
      (one) => one.dealId === dealId && one.doneAt === null && one.dueAt !== null,
    )
    .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0) || (a.id < b.id ? -1 : 1));
  rows.patch('deals', dealId, {
    nextActivityId: next?.id ?? null,
    nextActivityKind: next?.kind ?? null,
    nextActivityTitle: next?.title ?? null,
    nextActivityAt: next?.dueAt ?? null,
  });
}
