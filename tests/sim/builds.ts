import type * as Access from '#server/access.ts';
import type * as DealTotals from '#lib/shared/deal-filter.ts';
import type * as Deals from '#lib/shared/deals.ts';
import type * as Entities from '#lib/shared/entities.ts';
import type { AnyRow, EntityName } from '#lib/shared/entities.ts';
import type * as Errors from '#lib/shared/errors.ts';
import type * as LiveModule from '#lib/live/live.svelte.ts';
import type { Outbox } from '#lib/live/outbox.svelte.ts';
import type { Store } from '#lib/live/store.svelte.ts';
import type { Wanted } from '#lib/live/wanted.svelte.ts';
import type { Cursor } from '#lib/shared/wire.ts';
import type * as ServerErrors from '#server/errors.ts';
import type * as ServerModule from '#server/live/server.ts';
import type * as Trpc from '#server/trpc.ts';
import { defineBuild, load, type Patch } from './hooks.ts';

/** What the checks look at inside of a browser's half; the simulator's builds answer it. */
export interface Inside {
  store: Store & { baseRows(entity: EntityName): Map<string, AnyRow> };
  wanted: Wanted;
  outbox: Outbox;
  cursor: Cursor | undefined;
  isStarted: boolean;
}

/** One version of the product, loaded. */
export interface Build {
  name: string;
  live: typeof LiveModule;
  deals: typeof Deals;
  dealTotals: typeof DealTotals;
  entities: typeof Entities;
  errors: typeof Errors;
  access: typeof Access;
  server: typeof ServerModule;
  serverErrors: typeof ServerErrors;
  trpc: typeof Trpc;
}

const limit = (file: string, name: string, from: string, to: string): Patch => ({
  file,
  find: `const ${name} = ${from};`,
  replace: `const ${name} = ${to};`,
});

/** Limits that a small world can meet, and a way to look inside. */
const smaller: Patch[] = [
  limit('server/live/hub.ts', 'ringTransactions', '20_000', '12'),
  limit('server/live/hub.ts', 'ringRows', '100_000', '60'),
  limit('server/live/subscriptions.ts', 'longestCatchUp', '2_000', '30'),
  limit('server/live/subscriptions.ts', 'firstIds', '100', '3'),
  limit('server/live/loading.ts', 'freshFor', '300', '4'),
  limit('src/lib/live/list.svelte.ts', 'block', '100', '3'),
  limit('server/live/tail.ts', 'largeTransaction', '20_000', '9'),
  limit('server/live/tail.ts', 'mostHandedOver', '50', '4'),
  limit('server/live/tail.ts', 'batch', '500', '5'),
  limit('server/live/tail.ts', 'pollEvery', '50', '150'),
  {
    file: 'src/lib/live/live.svelte.ts',
    find: 'export class Live {\n',
    replace: `export class Live {
  inside() {
    return { store: this.#store, wanted: this.#wanted, outbox: this.#outbox, cursor: this.#cursor, isStarted: this.#isStarted };
  }
`,
  },
  {
    file: 'src/lib/live/store.svelte.ts',
    find: 'export class Store {\n',
    replace: `export class Store {
  baseRows(entity) {
    return new Map([...(this.#base.get(entity) ?? [])].map(([id, { row }]) => [id, row]));
  }
`,
  },
];

/** The version after this one: a column in the midst of the others, an entity nobody knew. */
const newer: Patch[] = [
  {
    file: 'src/lib/shared/entities.ts',
    find: "    rank: 'text',\n    title: 'text',\n",
    replace: "    rank: 'text',\n    flavour: 'text?',\n    title: 'text',\n",
  },
  {
    file: 'src/lib/shared/entities.ts',
    find: '  customers: {\n    ...directory,\n',
    replace: "  gadgets: { ...directory, size: 'int?' },\n  customers: {\n    ...directory,\n",
  },
  {
    file: 'src/lib/shared/entities.ts',
    find: "  customers: { entity: 'customers', by: [] },\n",
    replace:
      "  gadgets: { entity: 'gadgets', by: [] },\n  customers: { entity: 'customers', by: [] },\n",
  },
  {
    file: 'server/access.ts',
    find: "  customers: { view: 'customers.view', owned: true },\n",
    replace:
      "  gadgets: { view: 'products.view', owned: false },\n  customers: { view: 'customers.view', owned: true },\n",
  },
];

const loaded = new Map<string, Promise<Build>>();

/** This version or the next, as it is or with mistakes planted in it. */
export function buildOf(
  version: 'now' | 'next',
  planted: { name: string; patches: Patch[] } = { name: 'none', patches: [] },
): Promise<Build> {
  const name = `${version}-${planted.name.replaceAll(/\W+/g, '-')}`;
  let build = loaded.get(name);
  if (!build) {
    const patches = [...smaller, ...(version === 'next' ? newer : []), ...planted.patches];
    defineBuild(name, patches);
    loaded.set(name, (build = loadBuild(name)));
  }
  return build;
}

async function loadBuild(name: string): Promise<Build> {
  const get = <T>(file: string): Promise<T> => load<T>(name, file);
  return {
    name,
    live: await get('src/lib/live/live.svelte.ts'),
    deals: await get('src/lib/shared/deals.ts'),
    dealTotals: await get('src/lib/shared/deal-filter.ts'),
    entities: await get('src/lib/shared/entities.ts'),
    errors: await get('src/lib/shared/errors.ts'),
    access: await get('server/access.ts'),
    server: await get('server/live/server.ts'),
    serverErrors: await get('server/errors.ts'),
    trpc: await get('server/trpc.ts'),
  };
}

export const insideOf = (live: LiveModule.Live): Inside =>
  (live as unknown as { inside(): Inside }).inside();
