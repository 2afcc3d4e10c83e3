import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { newId } from '#lib/shared/ids.ts';
import type { App } from '#server/app.ts';
import { newOwner, newPerson, roleIdOf } from '#tests/auth/people.ts';
import type { TestDatabase } from '#tests/support/database.ts';

export interface Somebody {
  userId: string;
  organizationId: string;
  memberId: string;
}

/**
 * An organization whose every text says whose it is, and a maker of records in it. They are put in past
 * the application, so that a test of one call needs no other.
 */
export async function makePlace(
  { app, database }: { app: App; database: TestDatabase },
  word: string,
) {
  const owner: Somebody = await newOwner(app, word);
  const { organizationId } = owner;
  const { db, pool } = database.owner;
  const own = { organizationId, createdBy: owner.memberId };
  const text = () => `${word} ${newId()}`;
  const first = async (table: 'pipelines' | 'lostReasons') =>
    (
      await db.selectFrom(table).select('id').where('organizationId', '=', organizationId).execute()
    )[0]?.id ?? '';
  const stages = await db
    .selectFrom('stages')
    .select(['id', 'kind'])
    .where('organizationId', '=', organizationId)
    .orderBy('position')
    .execute();
  const stage = (kind: string) => stages.find((one) => one.kind === kind)?.id ?? '';
  const pipelineId = await first('pipelines');
  const lostReasonId = await first('lostReasons');

  const make = {
    async role() {
      const id = newId();
      await db
        .insertInto('roles')
        .values({ ...own, id, slug: text().replace(' ', '-').toLowerCase(), name: text() })
        .execute();
      return id;
    },
    async team() {
      const id = newId();
      await db
        .insertInto('teams')
        .values({ ...own, id, name: text() })
        .execute();
      return id;
    },
    async member(
      role = 'sales',
      { teamId = null, userId = null }: { teamId?: string | null; userId?: string | null } = {},
    ) {
      const id = newId();
      const roleId = await roleIdOf(app, owner, role);
      await db
        .insertInto('members')
        .values({ ...own, id, name: text(), roleId, teamId, userId })
        .execute();
      return id;
    },
    async invitation() {
      const id = newId();
      const roleId = await roleIdOf(app, owner, 'sales');
      const expiresAt = sql<Date>`now() + interval '1 day'`;
      await db
        .insertInto('invitations')
        .values({
          ...own,
          id,
          roleId,
          expiresAt,
          tokenHash: createHash('sha256').update(id).digest(),
        })
        .execute();
      return id;
    },
    async apiKey() {
      const id = newId();
      await db
        .insertInto('apiKeys')
        .values({
          organizationId,
          id,
          memberId: owner.memberId,
          name: text(),
          prefix: 'syncline_',
          scopes: ['deals.view'],
          secretHash: createHash('sha256').update(id).digest(),
        })
        .execute();
      await db.insertInto('apiKeyUses').values({ organizationId, keyId: id }).execute();
      return id;
    },
    async customer(ownerId: string) {
      const id = newId();
      await db
        .insertInto('customers')
        .values({ ...own, id, ownerId, code: '', name: text(), notes: text(), tags: [text()] })
        .execute();
      return id;
    },
    async deal(ownerId: string, stageId = stage('open'), tx: Pick<typeof db, 'insertInto'> = db) {
      const id = newId();
      await tx
        .insertInto('deals')
        .values({
          ...own,
          id,
          ownerId,
          pipelineId,
          stageId,
          rank: 'a0',
          title: text(),
          currency: 'USD',
          value: 100_00,
        })
        .execute();
      return id;
    },
    /** A deal that was made by a run, whose name is answered. */
    async run(ownerId: string) {
      const run = newId();
      await db.transaction().execute(async (tx) => {
        await sql`select set_config('app.run_id', ${run}, true)`.execute(tx);
        await make.deal(ownerId, stage('open'), tx);
      });
      return run;
    },
    async activity(ownerId: string) {
      const id = newId();
      await db
        .insertInto('activities')
        .values({ ...own, id, ownerId, kind: 'note', title: text(), body: text() })
        .execute();
      return id;
    },
    async notification(memberId: string) {
      const id = newId();
      await db
        .insertInto('notifications')
        .values({
          organizationId,
          id,
          memberId,
          kind: 'assigned',
          entity: 'deals',
          recordId: id,
          title: `${word} notification`,
          keys: [],
          source: id,
          at: new Date(),
        })
        .execute();
      return id;
    },
    /** Whatever else a member has to himself, a row of each. */
    async belongings(memberId: string) {
      const notificationId = await make.notification(memberId);
      const mine = { organizationId, memberId };
      const at = new Date();
      const recordId = notificationId;
      await db
        .insertInto('follows')
        .values({ ...mine, entity: 'deals', recordId, state: 'muted' })
        .execute();
      await db
        .insertInto('looks')
        .values({ ...mine, place: text(), position: 1, at })
        .execute();
      await db
        .insertInto('notificationPreferences')
        .values({ ...mine, timeZone: 'UTC' })
        .execute();
      await db
        .insertInto('notificationLetters')
        .values({ ...mine, notificationId, dueAt: at })
        .execute();
      await db
        .insertInto('notificationSources')
        .values({ ...mine, source: text(), at })
        .execute();
      const session = { idHash: createHash('sha256').update(newId()).digest(), expiresAt: at };
      await db
        .insertInto('platform.sessions')
        .values({ ...session, userId: owner.userId })
        .execute();
      const { id: subscriptionId } = await db
        .insertInto('platform.pushSubscriptions')
        .values({
          ...{ userId: owner.userId, sessionHash: session.idHash },
          ...{ endpoint: text(), p256dh: '', auth: '' },
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      await db
        .insertInto('notificationPushes')
        .values({ organizationId, notificationId, subscriptionId, dueAt: at })
        .execute();
    },
    async product() {
      const id = newId();
      await db
        .insertInto('products')
        .values({ ...own, id, name: text(), currency: 'USD' })
        .execute();
      return id;
    },
    async line(dealId: string) {
      const id = newId();
      await db
        .insertInto('dealProducts')
        .values({ ...own, id, dealId, productId: await make.product(), currency: 'USD' })
        .execute();
      return id;
    },
    async rate() {
      const id = newId();
      const validFrom = `20${String(10 + Math.floor(Math.random() * 80))}-01-${String(1 + Math.floor(Math.random() * 28)).padStart(2, '0')}`;
      const currency = [0, 0, 0]
        .map(() => String.fromCharCode(65 + Math.floor(Math.random() * 26)))
        .join('');
      await db
        .insertInto('exchangeRates')
        .values({ ...own, id, currency, validFrom, rate: '2' })
        .execute();
      return id;
    },
    async lostReason() {
      const id = newId();
      await db
        .insertInto('lostReasons')
        .values({ ...own, id, name: text(), position: 'a9' })
        .execute();
      return id;
    },
    async pipeline() {
      const id = newId();
      await db
        .insertInto('pipelines')
        .values({ ...own, id, name: text(), position: 'a9' })
        .execute();
      const stageIds = [newId(), newId()];
      const rows = stageIds.map((stageId, at) => ({
        ...own,
        id: stageId,
        pipelineId: id,
        name: text(),
        position: `a${at}`,
      }));
      await db.insertInto('stages').values(rows).execute();
      return { id, stageIds: [stageIds[0] ?? '', stageIds[1] ?? ''] as const };
    },
  };

  return {
    owner,
    organizationId,
    pipelineId,
    lostReasonId,
    stage,
    make,
    roleId: (slug: string) => roleIdOf(app, owner, slug),
    /** Somebody with an account, in a role and a team. */
    async join(role: string, teamId: string | null = null): Promise<Somebody> {
      const { userId } = await newPerson(app, `${role}-${newId()}@example.test`);
      return { userId, organizationId, memberId: await make.member(role, { userId, teamId }) };
    },
    /** Of everything in it: whatever changes, changes this. */
    async checksum(): Promise<string> {
      const { rows } = await pool.query<{ name: string }>(
        `select c.table_name as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
         where c.table_schema = 'crm' and c.column_name = 'organization_id' and t.table_type = 'BASE TABLE' order by 1`,
      );
      const sums: string[] = [];
      for (const { name } of rows) {
        const { rows: found } = await pool.query<{ sum: string }>(
          `select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as sum from crm.${name} t where organization_id = $1`,
          [organizationId],
        );
        sums.push(`${name} ${found[0]?.sum ?? ''}`);
      }
      return sums.join('\n');
    },
  };
}

export type Place = Awaited<ReturnType<typeof makePlace>>;
