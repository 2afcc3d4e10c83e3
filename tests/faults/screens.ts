import pg from 'pg';
import { dealMeasure } from '#lib/shared/deal-filter.ts';
import type { LiveTotals } from '#lib/live/totals.svelte.ts';
import { openAs, type Person, until } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

const today = '2026-11-20';

/** Somebody before the open deals of the first pipeline, and their totals. */
export interface Screen extends Person {
  pipelineId: string;
  totals: LiveTotals;
  title(dealId: string): string | undefined;
}

export interface Scene {
  server: TestServer;
  /** As an administrator in psql. */
  admin: pg.Client;
  open(email: string, at?: { organization?: string; url?: string }): Promise<Screen>;
  /** Ids of open deals of the first pipeline. */
  deals(organization?: string): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server with the demo, and people who look at it until the scene ends. */
export async function startScene(env: Record<string, string> = {}): Promise<Scene> {
  const server = await startServer({ demo: true, env });
  const admin = new pg.Client(server.databaseUrl);
  await admin.connect();
  await admin.query('set search_path = crm');
  const people: Person[] = [];
  return {
    server,
    admin,
    async open(email, { organization = 'demo', url = server.url } = {}) {
      const person = await openAs(url, email, organization);
      people.push(person);
      return look(person);
    },
    async deals(organization = 'demo') {
      const { rows } = await admin.query<{ id: string }>(
        `select d.id from deals d join organizations o on o.id = d.organization_id and o.slug = $1
         join pipelines p on p.id = d.pipeline_id and p.is_default where d.state = 'open' order by d.id`,
        [organization],
      );
      return rows.map(({ id }) => id);
    },
    async [Symbol.asyncDispose]() {
      for (const person of people) person.leave();
      await admin.end();
      await server.stop();
    },
  };
}

async function look(person: Person): Promise<Screen> {
  const { live } = person;
  const directory = live.subscribe('pipelines', {});
  await until('the pipelines are there', () => directory.ready);
  const pipelineId = live.rows('pipelines').all.find(({ isDefault }) => isDefault)?.id ?? '';
  const deals = live.subscribe('pipelineDeals', { pipelineId, state: 'open' });
  const params = { pipelineId, today };
  const { totals } = live.subscribeTotals('dealTotals', {
    entity: 'deals',
    params,
    measure: dealMeasure(params),
  });
  await until('the deals are there', () => deals.ready && totals.ready);
  const title = (dealId: string) => live.rows('deals').get(dealId)?.title;
  return { ...person, pipelineId, totals, title };
}
