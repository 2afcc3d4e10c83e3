import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { counts, importing } from './importing.ts';

const folder = fileURLToPath(new URL('../../../shared/data/crm-sales/', import.meta.url));
const nothing = { created: 0, updated: 0, skipped: 0, refused: 0 };

// The sales history is no part of the project; it lies beside it where the project is worked on.
test.skipIf(!existsSync(folder))(
  'a sales history of 8,800 deals comes in whole, counts and sums as in the file, and once',
  { timeout: 120_000 },
  async () => {
    await using history = await importing();
    const load = async () => [
      await history.run({ file: `${folder}accounts.csv` }, { into: 'customers' }),
      await history.run({ file: `${folder}products.csv` }, { into: 'products', currency: 'USD' }),
      await history.run({ file: `${folder}sales_teams.csv` }, { into: 'members' }),
      await history.run(
        { file: `${folder}sales_pipeline.csv` },
        { into: 'deals', pipeline: 'CRM sales', currency: 'USD' },
      ),
    ];
    expect((await load()).map(counts)).toEqual([
      { ...nothing, created: 85 },
      { ...nothing, created: 7 },
      { ...nothing, created: 35 },
      { ...nothing, created: 8800 },
    ]);
    const stages = `select s.name, s.kind, count(*)::int as deals, sum(value)::float8 / 100 as sum,
        count(opened_on)::int as opened, count(closed_on)::int as closed,
        count(customer_id)::int as customers, count(owner_id)::int as owners,
        count(*) filter (where owner_id is not null and d.team_id is null)::int as teamless
      from stages s join pipelines p on p.id = s.pipeline_id and p.name = 'CRM sales'
      join deals d on d.stage_id = s.id group by s.id, s.organization_id order by s.position`;
    const expected = [
      {
        name: 'Prospecting',
        kind: 'open',
        deals: 500,
        sum: null,
        opened: 0,
        closed: 0,
        customers: 163,
      },
      {
        name: 'Engaging',
        kind: 'open',
        deals: 1589,
        sum: null,
        opened: 1589,
        closed: 0,
        customers: 501,
      },
      {
        name: 'Won',
        kind: 'won',
        deals: 4238,
        sum: 10005534,
        opened: 4238,
        closed: 4238,
        customers: 4238,
      },
      {
        name: 'Lost',
        kind: 'lost',
        deals: 2473,
        sum: 0,
        opened: 2473,
        closed: 2473,
        customers: 2473,
      },
    ].map((stage) => ({ ...stage, owners: stage.deals, teamless: 0 }));
    expect(await history.ask(stages)).toEqual(expected);
    expect(
      await history.ask(`select title, value, d.currency, opened_on, closed_on, customer_name, p.name as product
        from deals d join deal_products l on l.deal_id = d.id join products p on p.id = l.product_id
        where d.external_id = 'Z063OYW0'`),
    ).toEqual([
      {
        title: 'Isdom - GTXPro',
        value: 451400,
        currency: 'USD',
        opened_on: '2016-10-25',
        closed_on: '2017-03-11',
        customer_name: 'Isdom',
        product: 'GTX Pro',
      },
    ]);
    expect(
      await history.ask(`select m.name, m.user_id, r.slug, t.name as team, custom->>'revenue' as revenue,
          custom ? 'subsidiary_of' as has_parent, industry, country
        from members m join roles r on r.id = m.role_id join teams t on t.id = m.team_id,
        customers c where m.name in ('Moses Frase', 'Dustin Brinkmann') and c.name = 'Acme Corporation'
        order by m.name`),
    ).toEqual(
      [
        { name: 'Dustin Brinkmann', slug: 'manager' },
        { name: 'Moses Frase', slug: 'sales' },
      ].map((person) => ({
        ...person,
        user_id: null,
        team: 'Central',
        revenue: '1100.04',
        has_parent: false,
        industry: 'technolgy',
        country: 'United States',
      })),
    );

    const [before] = await history.ask('select max(pos) as position from sync.change_tx');
    expect((await load()).map(counts)).toEqual([
      { ...nothing, skipped: 85 },
      { ...nothing, skipped: 7 },
      { ...nothing, skipped: 35 },
      { ...nothing, skipped: 8800 },
    ]);
    expect(await history.ask('select max(pos) as position from sync.change_tx')).toEqual([before]);
  },
);
