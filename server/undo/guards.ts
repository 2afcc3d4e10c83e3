import { sql } from 'kysely';
import type { EntityName } from '#lib/shared/entities.ts';
import { AppError } from '#lib/shared/errors.ts';
import type { Access } from '#lib/shared/standing.ts';
import type { Member } from '../access.ts';
import {
  assertAdministrator,
  isAdministration,
  lockAdministration,
  requireGrantable,
} from '../auth/granting.ts';
import type { Tx } from '../live/transaction.ts';
import type { Logged } from './logged.ts';

/**
 * What only the procedures look at, and no constraint. Looked at after the whole of an undo, because
 * half of it may break what the other half mends; where it does not hold, `of` stays as it was.
 */
interface Guard {
  of: readonly EntityName[];
  holds(tx: Tx, member: Member): Promise<boolean>;
}

export const guards: Guard[] = [
  {
    of: ['members', 'roles'],
    holds: (tx, member) => isGood(() => assertAdministrator(tx, member)),
  },
  {
    of: ['pipelines', 'stages'],
    async holds(tx) {
      const { rows } = await sql<{ isGood: boolean }>`
        select (select count(*) from pipelines where organization_id = sync.org() and is_default and is_active) = 1
          and not exists (select from pipelines p where p.organization_id = sync.org() and not exists (
            select from stages s where s.organization_id = p.organization_id and s.pipeline_id = p.id)) as is_good`.execute(
        tx,
      );
      return rows[0]?.isGood ?? false;
    },
  },
  {
    of: ['exchangeRates', 'organizations'],
    async holds(tx) {
      const { rows } = await sql`
        select from exchange_rates r join organizations o on o.id = r.organization_id
        where r.organization_id = sync.org() and r.currency = o.currency limit 1`.execute(tx);
      return rows.length === 0;
    },
  },
];

/** Who gives and takes rights goes one after the other, and never beyond the own. */
export async function beforeUndo(tx: Tx, member: Member, rows: Logged[]): Promise<void> {
  if (rows.some(({ entity }) => entity === 'members' || entity === 'roles'))
    await lockAdministration(tx, member);
}

/** Whether a row would give or take rights that the member does not have. */
export async function isBeyond(tx: Tx, member: Member, row: Logged): Promise<boolean> {
  const { entity, before, after } = row;
  if (entity === 'roles') {
    const role = { ...after, ...before };
    const images = [after, before && role].filter((image) => image !== null);
    return (
      isAdministration(String(role['slug'])) ||
      !(await isGood(async () => {
        for (const image of images) requireGrantable(member, roleOf(image));
      }))
    );
  }
  if (entity !== 'members') return false;
  // Whoever has come with an account is shut out, and not made never to have been.
  if (row.op === 'I' && after?.['user_id'] != null) return true;
  const ids = [after?.['role_id'], before?.['role_id']].filter((id) => typeof id === 'string');
  const { rows } = await sql<{ slug: string; access: unknown }>`
    select slug, access from roles where organization_id = sync.org() and (id = any(${ids}::uuid[])
      or id = (select m.role_id from members m where m.organization_id = sync.org() and m.id = ${row.id}::uuid))`.execute(
    tx,
  );
  return !(await isGood(async () => {
    for (const role of rows) requireGrantable(member, role);
  }));
}

const roleOf = (image: Record<string, unknown>): { slug: string; access: Access } => ({
  slug: String(image['slug'] ?? ''),
  access: (image['access'] ?? {}) as Access,
});

async function isGood(check: () => Promise<void>): Promise<boolean> {
  try {
    await check();
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
