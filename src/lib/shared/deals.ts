import { z } from 'zod/mini';
import { defineChange, given, type Inverse, type LocalRows } from './change.ts';
import { expectedRevenue, priorities } from './deal-filter.ts';
import type { Deal, Stage } from './entities.ts';
import * as field from './fields.ts';

const editable = {
  title: field.name(),
  description: field.text(),
  customerId: z.nullable(field.id),
  value: z.nullable(field.amount),
  currency: field.currency,
  /** By hand; null lets it follow the stage again. */
  probability: z.nullable(field.percent),
  openedOn: z.nullable(field.day),
  expectedCloseOn: z.nullable(field.day),
  priority: z.enum(priorities),
  tags: field.tags,
  ownerId: z.nullable(field.id),
};

export const createDeal = defineChange({
  name: 'deals.create',
  input: z.strictObject({
    ...z.partial(z.strictObject(editable)).shape,
    id: field.id,
    pipelineId: field.id,
    stageId: field.id,
    rank: field.rank,
    title: editable.title,
    currency: field.currency,
  }),
  apply(rows, input, { memberId, now }) {
    const stage = rows.get('stages', input.stageId);
    if (!stage) return;
    const probability = input.probability ?? stage.probability;
    rows.insert('deals', {
      id: input.id,
      pipelineId: input.pipelineId,
      stageId: stage.id,
      state: stage.kind,
      rank: input.rank,
      title: input.title,
      description: input.description ?? '',
      customerId: input.customerId ?? null,
      customerName: customerName(rows, input.customerId),
      value: input.value ?? null,
      currency: input.currency,
      probability,
      probabilityManual: input.probability !== undefined && input.probability !== null,
      expectedRevenue: expectedRevenue(input.value ?? null, probability),
      openedOn: input.openedOn ?? null,
      expectedCloseOn: input.expectedCloseOn ?? null,
      closedOn: null,
      priority: input.priority ?? 'medium',
      tags: input.tags ?? [],
      ownerId: input.ownerId === undefined ? memberId : input.ownerId,
      teamId: null,
      lostReasonId: null,
      lostNote: null,
      stageEnteredAt: now,
      nextActivityId: null,
      nextActivityKind: null,
      nextActivityTitle: null,
      nextActivityAt: null,
      createdAt: now,
      createdBy: memberId,
    });
  },
  invert: (_, { id, ...fields }): Inverse => ({
    change: deleteDeal,
    input: { id },
    entity: 'deals',
    id,
    left: given(fields),
  }),
});

export const updateDeal = defineChange({
  name: 'deals.update',
  input: z.strictObject({ id: field.id, ...z.partial(z.strictObject(editable)).shape }),
  apply(rows, { id, probability, ...fields }) {
    const deal = rows.get('deals', id);
    if (!deal) return;
    const next: Partial<Deal> = { ...fields };
    if (fields.customerId !== undefined) next.customerName = customerName(rows, fields.customerId);
    if (probability !== undefined) {
      next.probabilityManual = probability !== null;
      next.probability =
        probability ?? rows.get('stages', deal.stageId)?.probability ?? deal.probability;
    }
    const value = next.value === undefined ? deal.value : next.value;
    rows.patch('deals', id, {
      ...next,
      expectedRevenue: expectedRevenue(value, next.probability ?? deal.probability),
    });
  },
  invert(rows, { id, ...fields }): Inverse | undefined {
    const deal = rows.get('deals', id);
    if (!deal) return undefined;
    const names = Object.keys(fields) as (keyof typeof fields)[];
    const earlier = names.map((name): [string, unknown] => [
      name,
      name === 'probability' && !deal.probabilityManual ? null : deal[name],
    ]);
    const { probability: wanted } = fields;
    const probability = wanted === null ? rows.get('stages', deal.stageId)?.probability : wanted;
    return {
      change: updateDeal,
      input: { id, ...Object.fromEntries(earlier) },
      entity: 'deals',
      id,
      left: given({ ...fields, probability }),
    };
  },
});

/**
 * The one state machine: the kind of the stage decides. Won may bring value and date, lost needs a
 * reason from the organization's list; a move back to an open stage reopens.
 */
export const moveDeal = defineChange({
  name: 'deals.move',
  input: z.strictObject({
    id: field.id,
    stageId: field.id,
    rank: z.optional(field.rank),
    value: z.optional(z.nullable(field.amount)),
    closedOn: z.optional(field.day),
    lostReasonId: z.optional(z.nullable(field.id)),
    lostNote: z.optional(field.maybeText(1_000)),
  }),
  apply(rows, input, { now }) {
    const deal = rows.get('deals', input.id);
    const stage = rows.get('stages', input.stageId);
    if (deal && stage) rows.patch('deals', deal.id, movedTo(deal, stage, input, now));
  },
  invert(rows, { id, stageId, value }): Inverse | undefined {
    const deal = rows.get('deals', id);
    if (!deal) return undefined;
    const { rank, closedOn, lostReasonId, lostNote, state } = deal;
    const closing =
      state === 'open' ? {} : { closedOn: closedOn ?? undefined, lostReasonId, lostNote };
    // The value goes back only where this move set it, and only while nobody has set another since.
    const isValued = value !== undefined && value !== deal.value;
    const before = isValued ? { value: deal.value } : {};
    return {
      change: moveDeal,
      input: { id, stageId: deal.stageId, rank, ...closing, ...before },
      entity: 'deals',
      id,
      left: { stageId, ...(isValued ? { value } : {}) },
    };
  },
});

interface MoveDetails {
  rank?: string | undefined;
  value?: number | null | undefined;
  closedOn?: string | undefined;
  lostReasonId?: string | null | undefined;
  lostNote?: string | null | undefined;
}

/** What a move changes; the database derives the same by its triggers. */
function movedTo(deal: Deal, stage: Stage, details: MoveDetails, now: number): Partial<Deal> {
  const entersStage = deal.stageId !== stage.id;
  const isOpen = stage.kind === 'open';
  const follows = entersStage && (!isOpen || !deal.probabilityManual);
  const probability = follows ? stage.probability : deal.probability;
  const value = details.value === undefined ? deal.value : details.value;
  const isLost = stage.kind === 'lost';
  return {
    stageId: stage.id,
    state: stage.kind,
    rank: details.rank ?? deal.rank,
    value,
    probability,
    probabilityManual: deal.probabilityManual && (isOpen || !entersStage),
    expectedRevenue: expectedRevenue(value, probability),
    closedOn: isOpen
      ? null
      : (details.closedOn ?? deal.closedOn ?? new Date(now).toISOString().slice(0, 10)),
    lostReasonId: isLost ? (details.lostReasonId ?? deal.lostReasonId) : null,
    lostNote: isLost ? (details.lostNote ?? deal.lostNote) : null,
    stageEnteredAt: entersStage ? now : deal.stageEnteredAt,
  };
}

export const deleteDeal = defineChange({
  name: 'deals.delete',
  input: z.strictObject({ id: field.id }),
  apply: (rows, { id }) => rows.remove('deals', id),
  invert: (_, { id }): Inverse => ({
    change: restoreDeal,
    input: { id },
    entity: 'deals',
    id,
    left: {},
  }),
});

/** Brings a deleted deal back with its activities and lines, as long as the log has their images. */
export const restoreDeal = defineChange({
  name: 'deals.restore',
  input: z.strictObject({ id: field.id }),
  apply: () => undefined,
});

function customerName(rows: LocalRows, customerId: string | null | undefined): string | null {
  return customerId ? (rows.get('customers', customerId)?.name ?? null) : null;
}
