import type { PoolClient } from 'pg';
import { z } from 'zod/mini';
import { columnsOf, entityNames, type EntityName } from '#lib/shared/entities.ts';
import { AppError, badInput } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { packId } from '#lib/shared/ids.ts';
import { everything, isPersonal, maySee, type Member } from '../access.ts';
import { liveLists, liveTotals } from '../live-views.ts';
import { findDefinition } from '../live/named.ts';
import { loadRecords, loadTopic, parseTopic } from '../live/snapshots.ts';
import { builderOn, read, type Tx } from '../live/transaction.ts';
import { member, router, type MemberContext } from '../trpc.ts';
import { asOf } from './as-of.ts';
import { differencesSince } from './differences.ts';

const at = z.iso.datetime({ offset: true });
const key = field.text(2_000);

/**
 * Everything that can be subscribed to, as it was at a moment: the same keys, the same answers. Who may
 * see a record now sees it as it was; nobody else does.
 */
export const past = router({
  /** The rows of a topic, `[id, rev, …values]` in the order of `columns`. */
  topic: member.input(z.strictObject({ at, key })).query(({ ctx, input }) => {
    const topic = parseTopic(input.key);
    if (!topic) throw badInput('key', 'invalid');
    return lookBack(ctx, topic.entity, input.at, async ({ client, seer }) => {
      const body = await loadTopic(client, seer, topic);
      return rowsOf(topic.entity, JSON.parse(body.toString()) as WireRow[]);
    });
  }),

  records: member
    .input(
      z.strictObject({
        at,
        entity: z.enum(entityNames),
        ids: z.array(field.id).check(z.maxLength(200)),
      }),
    )
    .query(({ ctx, input: { entity, ids, at } }) =>
      lookBack(ctx, entity, at, async ({ client, seer }) => {
        const found = await loadRecords(client, seer, entity, ids);
        const bodies = [...found.values()];
        return rowsOf(
          entity,
          bodies.flatMap((body) => JSON.parse(body.toString()) as WireRow[]),
        );
      }),
    ),

  figures: member.input(z.strictObject({ at, key })).query(({ ctx, input }) => {
    const found = findDefinition(liveTotals, input.key);
    if (!found) throw badInput('key', 'invalid');
    const { definition, params } = found;
    return lookBack(ctx, definition.entity, input.at, async ({ client, seer }) => {
      const items = await definition.load(builderOn(client), seer, params as never);
      return { items, total: items.length };
    });
  }),

  /** The ids of a whole list in order, packed, 22 letters each. */
  list: member.input(z.strictObject({ at, key })).query(({ ctx, input }) => {
    const found = findDefinition(liveLists, input.key);
    if (!found) throw badInput('key', 'invalid');
    const { definition, params } = found;
    return lookBack(ctx, definition.entity, input.at, async ({ client, seer }) => {
      const { ids } = await definition.load(builderOn(client), seer, params as never);
      return { total: ids.length, ids: ids.map(packId).join('') };
    });
  }),

  differences: member
    .input(z.strictObject({ at, entity: z.enum(entityNames) }))
    .query(({ ctx, input: { entity, at } }) =>
      lookBack(ctx, entity, at, ({ tx, now, client, position }) =>
        differencesSince(tx, now, client, { entity, member: ctx.member, position }),
      ),
    ),
});

type WireRow = [id: string, rev: number, ...values: unknown[]];

const rowsOf = (entity: EntityName, items: WireRow[]) => ({
  columns: columnsOf(entity),
  items,
  total: items.length,
});

interface Glance {
  tx: Tx;
  /** The connection of this moment, and the one of then. */
  now: PoolClient;
  client: PoolClient;
  /** The member, for loaders: what may be seen is decided below them already. */
  seer: Member;
  position: number;
}

async function lookBack<T extends object>(
  ctx: MemberContext,
  entity: EntityName,
  at: string,
  look: (glance: Glance) => Promise<T>,
): Promise<T & { position: number }> {
  const { member, app } = ctx;
  if (isPersonal(entity) || !maySee(member, entity))
    throw new AppError('FORBIDDEN', { reason: 'noPermission' });
  const moment = new Date(at);
  const oldest = Date.now() - app.config.keepImagesDays * 86_400_000;
  if (moment.getTime() < oldest) throw badInput('at', 'tooOld');
  const scope = { organizationId: member.organizationId, actor: member.memberId };
  const answer = await read(
    app.pool,
    scope,
    async (tx, now) => {
      const { rows } = await now.query<{ position: number }>(
        'select sync.position_at($1::timestamptz) as position',
        [moment],
      );
      const position = Number(rows[0]?.position ?? 0);
      const client = await asOf(tx, now, { member, position });
      return { ...(await look({ tx, now, client, seer: everything(member), position })), position };
    },
    { isSnapshot: true },
  );
  await app.live.flush.barrier();
  return answer;
}
