import { z } from 'zod/mini';
import { defineChange } from './change.ts';
import * as field from './fields.ts';
import { byPosition, rankBetween } from './rank.ts';

export const stageKinds = ['open', 'won', 'lost'] as const;

const editable = {
  name: field.name(100),
  kind: z.enum(stageKinds),
  probability: field.percent,
  rottingDays: z.nullable(z.int().check(z.minimum(1), z.maximum(3_650))),
};
const some = z.partial(z.strictObject(editable)).shape;

/** What is won is certain, what is lost is not. */
export const usualProbability = { open: 0, won: 100, lost: 0 } as const;

export const createStage = defineChange({
  name: 'stages.create',
  input: z.strictObject({
    ...some,
    id: field.id,
    pipelineId: field.id,
    name: editable.name,
    position: field.rank,
  }),
  apply(rows, { id, pipelineId, name, position, kind = 'open', ...fields }) {
    rows.insert('stages', {
      id,
      pipelineId,
      name,
      position,
      kind,
      probability: fields.probability ?? usualProbability[kind],
      rottingDays: fields.rottingDays ?? null,
    });
  },
});

export const updateStage = defineChange({
  name: 'stages.update',
  input: z.strictObject({ id: field.id, ...some }),
  apply(rows, { id, ...fields }) {
    rows.patch('stages', id, fields);
    const { kind } = fields;
    if (!kind) return;
    for (const deal of rows.where('deals', ({ stageId }) => stageId === id)) {
      rows.patch('deals', deal.id, { state: kind });
    }
  },
});

/** All stages of a pipeline, in their new order. */
export const reorderStages = defineChange({
  name: 'stages.reorder',
  input: z.strictObject({
    pipelineId: field.id,
    stageIds: z.array(field.id).check(z.minLength(1), z.maxLength(100)),
  }),
  apply(rows, { stageIds }) {
    let position: string | null = null;
    for (const id of stageIds) {
      position = rankBetween(position, null);
      rows.patch('stages', id, { position });
    }
  },
});

/** One stage, to a place among its pipeline's stages; the first place is 1. */
export const placeStage = defineChange({
  name: 'stages.place',
  input: z.strictObject({ id: field.id, place: z.int().check(z.minimum(1), z.maximum(100)) }),
  apply(rows, { id, place }) {
    const stage = rows.get('stages', id);
    if (!stage) return;
    const others = rows
      .where('stages', (one) => one.pipelineId === stage.pipelineId && one.id !== id)
      .sort(byPosition);
    rows.patch('stages', id, { position: positionAt(others, place) });
  },
});

/** The position that makes a stage the `place`th among the others. */
export function positionAt(others: { position: string }[], place: number): string {
  const at = Math.min(place - 1, others.length);
  return rankBetween(others[at - 1]?.position ?? null, others[at]?.position ?? null);
}

/** A stage with deals names the stage of the same pipeline that they go to. */
export const deleteStage = defineChange({
  name: 'stages.delete',
  input: z.strictObject({ id: field.id, moveDealsTo: z.optional(field.id) }),
  apply(rows, { id, moveDealsTo }) {
    const target = moveDealsTo ? rows.get('stages', moveDealsTo) : undefined;
    for (const deal of rows.where('deals', ({ stageId }) => stageId === id)) {
      if (target) rows.patch('deals', deal.id, { stageId: target.id, state: target.kind });
    }
    rows.remove('stages', id);
  },
});

export const createLostReason = defineChange({
  name: 'lostReasons.create',
  input: z.strictObject({ id: field.id, name: field.name(100), position: field.rank }),
  apply: (rows, reason) => rows.insert('lostReasons', reason),
});

export const updateLostReason = defineChange({
  name: 'lostReasons.update',
  input: z.strictObject({
    id: field.id,
    name: z.optional(field.name(100)),
    position: z.optional(field.rank),
  }),
  apply: (rows, { id, ...fields }) => rows.patch('lostReasons', id, fields),
});

/** A reason that deals were lost for names the one that takes its place. */
export const deleteLostReason = defineChange({
  name: 'lostReasons.delete',
  input: z.strictObject({ id: field.id, replaceWith: z.optional(field.id) }),
  apply(rows, { id, replaceWith }) {
    for (const deal of rows.where('deals', ({ lostReasonId }) => lostReasonId === id)) {
      if (replaceWith) rows.patch('deals', deal.id, { lostReasonId: replaceWith });
    }
    rows.remove('lostReasons', id);
  },
});
