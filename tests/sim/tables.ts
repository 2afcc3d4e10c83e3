import type { Row, Transaction } from './postgres.ts';

type Fields = Record<string, unknown>;

/** What the triggers of the database do besides, whoever writes. */
export const tables = {
  async insertDeal(tx: Transaction, deal: { id: string } & Fields): Promise<void> {
    await tx.insert('deals', { ...deal, ...(await derived(tx, deal)) });
  },

  async updateDeal(tx: Transaction, id: string, fields: Fields): Promise<void> {
    await tx.lock('deals', id);
    const deal = tx.get('deals', id);
    if (!deal) return;
    const next = { ...deal, ...fields };
    const isMoved = next.stage_id !== deal['stage_id'];
    await tx.update('deals', id, {
      ...fields,
      ...(await derived(tx, next)),
      ...(isMoved ? { stage_entered_at: new Date(tx.at).toISOString() } : {}),
    });
    const { owner_id, team_id }: Fields = tx.get('deals', id) ?? {};
    for (const line of tx.where('dealProducts', (row) => row['deal_id'] === id))
      await tx.update('dealProducts', line.id, { owner_id, team_id });
  },

  async removeDeal(tx: Transaction, id: string): Promise<void> {
    await tx.remove('deals', id);
    for (const entity of ['activities', 'dealProducts'])
      for (const row of tx.where(entity, (one) => one['deal_id'] === id))
        await tx.remove(entity, row.id);
  },

  async updateStage(tx: Transaction, id: string, fields: Fields): Promise<void> {
    await tx.update('stages', id, fields);
    for (const deal of tx.where('deals', (row) => row['stage_id'] === id))
      await tables.updateDeal(tx, deal.id, {});
  },

  /** An owned record that is no deal. */
  async writeOwned(tx: Transaction, entity: string, id: string, fields: Fields): Promise<void> {
    await tx.lock(entity, id);
    const row = tx.get(entity, id);
    const owner_id = fields['owner_id'] ?? row?.['owner_id'] ?? null;
    const next = { ...fields, owner_id, team_id: await teamOf(tx, owner_id) };
    if (row) await tx.update(entity, id, next);
    else await tx.insert(entity, { id, ...next });
  },

  /** A row that is somebody's own. */
  async follow(tx: Transaction, id: string, member_id: string, record_id: string): Promise<void> {
    const row = { member_id, entity: 'pipelines', record_id, state: `since ${tx.at}` };
    if (tx.get('follows', id)) await tx.update('follows', id, row);
    else await tx.insert('follows', { id, ...row });
  },

  async updateMember(tx: Transaction, id: string, fields: Fields): Promise<void> {
    const before = tx.get('members', id)?.['team_id'];
    await tx.update('members', id, fields);
    const team = tx.get('members', id)?.['team_id'];
    if (team === before) return;
    const isTheirs = (row: Row): boolean => row['owner_id'] === id;
    for (const entity of ['customers', 'activities'])
      for (const row of tx.where(entity, isTheirs)) await tables.writeOwned(tx, entity, row.id, {});
    for (const deal of tx.where('deals', isTheirs)) await tables.updateDeal(tx, deal.id, {});
  },
};

async function derived(tx: Transaction, deal: Fields): Promise<Fields> {
  const stage = tx.get('stages', String(deal['stage_id']));
  return { state: stage?.['kind'] ?? 'open', team_id: await teamOf(tx, deal['owner_id']) };
}

/** Locked: a change of the member's team under way would not see this record, nor this it. */
async function teamOf(tx: Transaction, ownerId: unknown): Promise<unknown> {
  if (typeof ownerId !== 'string') return null;
  await tx.lock('members', ownerId);
  return tx.get('members', ownerId)?.['team_id'] ?? null;
}
