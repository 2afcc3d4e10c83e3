import { expect, test } from 'vitest';
import { planUndo } from '#lib/live/undo.ts';
import type { LocalRows } from '#lib/shared/change.ts';
import { createCustomer } from '#lib/shared/customers.ts';
import { createDeal, updateDeal } from '#lib/shared/deals.ts';

const rows: Record<string, Record<string, unknown>> = {};
const held = {
  get: (_: string, id: string) => rows[id],
  where: () => [],
  insert: () => undefined,
  patch: () => undefined,
  remove: () => undefined,
} as unknown as LocalRows;

function undoOf(inverse: ReturnType<NonNullable<typeof updateDeal.invert>>, row: object) {
  if (!inverse) throw new Error('There is a way back');
  return planUndo(inverse, { id: 'd', ...row });
}

test('a new record is taken back only while it is as it was made', () => {
  const input = {
    id: 'd',
    pipelineId: 'p',
    stageId: 's',
    rank: 'a0',
    title: 'Tea',
    currency: 'EUR',
  };
  const made = { ...input, value: null, probability: 10 };
  const inverse = createDeal.invert?.(held, { ...input, value: null, customerId: undefined });
  expect(undoOf(inverse, made).input).toEqual({ id: 'd' });
  expect(undoOf(inverse, { ...made, title: 'Green tea' })).toEqual({
    input: undefined,
    skipped: ['title'],
  });
  const customer = createCustomer.invert?.(held, { id: 'd', name: 'Ann' });
  expect(undoOf(customer, { name: 'Ann', code: 'C001' }).input).toEqual({ id: 'd' });
  expect(undoOf(customer, { name: 'Anna', code: 'C001' }).input).toBeUndefined();
});

test('a probability that was given back to the stage is taken back, but not another person’s', () => {
  rows['s'] = { id: 's', probability: 25 };
  rows['d'] = { id: 'd', stageId: 's', probability: 80, probabilityManual: true };
  const inverse = updateDeal.invert?.(held, { id: 'd', probability: null });
  expect(undoOf(inverse, { probability: 25 })).toEqual({
    input: { id: 'd', probability: 80 },
    skipped: [],
  });
  expect(undoOf(inverse, { probability: 60 })).toEqual({
    input: undefined,
    skipped: ['probability'],
  });
});
