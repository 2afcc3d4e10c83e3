import { builtInRoles } from '#server/access.ts';
import type { TopicName } from '#lib/shared/entities.ts';
import { Transaction, type Postgres } from './postgres.ts';
import type { Random } from './random.ts';
import { tables } from './tables.ts';

/** An organization of a run, by the ids of what is in it. */
export interface Organization {
  id: string;
  pipelineId: string;
  stages: string[];
  roles: string[];
  teams: string[];
  members: string[];
}

const levels = {
  all: 'all',
  team: 'team',
  own: 'own',
} as const;

const customRoles = [
  ...builtInRoles.filter(({ slug }) => ['admin', 'sales', 'viewer', 'customer'].includes(slug)),
  {
    slug: 'alone',
    access: {
      directory: { view: levels.all },
      deals: { view: levels.own, create: levels.all, edit: levels.own, delete: levels.own },
      customers: { view: levels.team },
      activities: { view: levels.own },
      products: { view: levels.all },
    },
  },
];

/** What a page asks for. */
export const needed = ({ pipelineId }: Organization): [TopicName, Record<string, string>][] => [
  ['members', {}],
  ['roles', {}],
  ['stages', {}],
  ['customers', {}],
  ['products', {}],
  ['pipelineDeals', { pipelineId, state: 'open' }],
];

/** Makes a small organization, all of it in one transaction that is on disk. */
export async function makeOrganization(postgres: Postgres, random: Random): Promise<Organization> {
  const id = random.uuid();
  const ids = (count: number): string[] => Array.from({ length: count }, () => random.uuid());
  const organization: Organization = {
    id,
    pipelineId: random.uuid(),
    stages: ids(4),
    roles: ids(customRoles.length),
    teams: ids(2),
    members: ids(4),
  };
  const { pipelineId, stages, roles, teams, members } = organization;
  const tx = new Transaction(postgres, { organizationId: id, actor: null, mutationId: null });
  const named = { name: 'N', currency: 'EUR', time_zone: 'UTC', locale: 'en', is_active: true };
  await tx.insert('organizations', { id, slug: id, ...named });
  for (const [at, { slug, access }] of customRoles.entries()) {
    const role = { id: roles[at] ?? '', slug, name: slug, is_built_in: true, access };
    await tx.insert('roles', role);
  }
  for (const team of teams) await tx.insert('teams', { id: team, name: team });
  for (const [at, member] of members.entries())
    await tx.insert('members', {
      id: member,
      name: `M${at}`,
      user_id: member,
      email: null,
      role_id: at === 0 ? roles[0] : random.oneOf(roles),
      team_id: random.oneOf([...teams, null]),
      is_active: true,
    });
  await tx.insert('pipelines', { id: pipelineId, name: 'P', description: '', is_active: true });
  for (const [at, stage] of stages.entries())
    await tx.insert('stages', {
      id: stage,
      pipeline_id: pipelineId,
      name: `S${at}`,
      kind: at === 3 ? 'won' : 'open',
      probability: at * 20,
      position: `a${at}`,
    });
  const owner = (): string | null => random.oneOf([...members, null]);
  for (let count = 0; count < 5; count += 1)
    await tables.insertDeal(tx, {
      id: random.uuid(),
      pipeline_id: pipelineId,
      stage_id: random.oneOf(stages),
      rank: `a${count}`,
      title: `Deal ${count}`,
      description: '',
      currency: 'EUR',
      value: random.below(1_000),
      probability: 0,
      probability_manual: false,
      priority: 'low',
      flavour: 'plain',
      tags: ['a'],
      owner_id: owner(),
      stage_entered_at: '2027-01-01T00:00:00.000Z',
      created_at: '2027-01-01T00:00:00.000Z',
    });
  for (const deal of tx.where('deals', () => true)) {
    const line = { deal_id: deal.id, product_id: pipelineId, currency: 'EUR', quantity: '1' };
    const { owner_id, team_id } = deal;
    await tx.insert('dealProducts', { id: random.uuid(), ...line, owner_id, team_id });
    const task = { kind: 'task', title: 'T', body: '', deal_id: deal.id, owner_id: owner() };
    await tables.writeOwned(tx, 'activities', random.uuid(), task);
  }
  for (let count = 0; count < 2; count += 1)
    await tables.writeOwned(tx, 'customers', random.uuid(), {
      name: `C${count}`,
      tags: [],
      owner_id: owner(),
    });
  for (const member_id of members) await tables.follow(tx, random.uuid(), member_id, pipelineId);
  await tx.insert('products', { id: random.uuid(), name: 'X', currency: 'EUR', is_active: true });
  await tx.stamp();
  postgres.commit(tx.asCommit());
  postgres.flush();
  postgres.end(tx);
  return organization;
}
