import { reaches, type Rows } from '#tests/oracle/loops.ts';
import type { Member } from '#server/access.ts';
import type { Build } from './builds.ts';
import type { Row, Transaction } from './postgres.ts';
import { snake } from './rows.ts';
import { tables } from './tables.ts';

interface Call {
  build: Build;
  member: Member;
  input: Record<string, unknown>;
  tx: Transaction;
}

const rowsIn = (tx: Transaction): Rows => ({
  all: (entity) => tx.where(entity, () => true),
  get: (entity, id) => tx.get(entity, id),
});

/** The record, when the caller may do this with it; errors as the product's own procedures give them. */
async function editable({ build, member, input, tx }: Call, action: string): Promise<Row> {
  const id = String(input['id']);
  await tx.lock('deals', id);
  const deal = tx.get('deals', id);
  const can = (what: string): boolean =>
    deal !== undefined && reaches(rowsIn(tx), member, ['deals', what], deal['owner_id']);
  if (!deal || !can('view')) throw new build.errors.AppError('NOT_FOUND', {});
  if (!can(action)) throw new build.errors.AppError('FORBIDDEN', {});
  return deal;
}

const stored = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [snake(name), value]));

/** The changes that people make in a run, by the names that their browsers send. */
export const procedures: Record<string, (call: Call) => Promise<unknown>> = {
  async 'deals.create'({ build, member, input, tx }) {
    const level = member.access['deals']?.['create'] ?? 'none';
    if (level === 'none') throw new build.errors.AppError('FORBIDDEN', {});
    const { id, ...fields } = input;
    await tables.insertDeal(tx, {
      id: String(id),
      owner_id: member.memberId,
      priority: 'medium',
      description: '',
      probability: 0,
      probability_manual: false,
      tags: [],
      value: null,
      stage_entered_at: new Date(tx.at).toISOString(),
      created_at: new Date(tx.at).toISOString(),
      created_by: member.memberId,
      ...stored(fields),
    });
    return { id };
  },

  async 'deals.update'(call) {
    const deal = await editable(call, 'edit');
    const { id: _, ...fields } = call.input;
    await tables.updateDeal(call.tx, deal.id, stored(fields));
    return { id: deal.id, rev: call.tx.get('deals', deal.id)?.rev };
  },

  async 'deals.move'(call) {
    const deal = await editable(call, 'edit');
    const { stageId, rank } = call.input;
    if (!call.tx.get('stages', String(stageId)))
      throw new call.build.errors.AppError('NOT_FOUND', {});
    const fields = { stageId, ...(rank === undefined ? {} : { rank }) };
    await tables.updateDeal(call.tx, deal.id, stored(fields));
    return { id: deal.id, rev: call.tx.get('deals', deal.id)?.rev };
  },

  async 'deals.delete'(call) {
    const deal = await editable(call, 'delete');
    await tables.removeDeal(call.tx, deal.id);
    return null;
  },
};
