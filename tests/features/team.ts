import { newId } from '#lib/shared/ids.ts';
import type { App } from '#server/app.ts';
import { as, newOwner, newPerson, roleIdOf, startParts } from '#tests/auth/people.ts';
import type { TestDatabase } from '#tests/support/database.ts';

export type Calls = Awaited<ReturnType<typeof as>>;
export interface Somebody {
  userId: string;
  organizationId: string;
  memberId: string;
}

/** An organization with an owner, two sellers of different teams, a manager and somebody who only looks. */
export async function startTeam(): Promise<{
  app: App;
  database: TestDatabase;
  owner: Somebody;
  as(who: Somebody): Promise<Calls>;
  join(role: string, team?: string): Promise<Somebody>;
  board(): Promise<Board>;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const { app, database } = await startParts();
  const owner = await newOwner(app);
  const { organizationId } = owner;
  const teams = new Map<string, string>();
  const join = async (role: string, team?: string): Promise<Somebody> => {
    const person = await newPerson(app, `${role}-${newId()}@example.test`);
    const memberId = newId();
    const teamId = team ? (teams.get(team) ?? newId()) : null;
    if (team && teamId && !teams.has(team)) {
      await database.owner.db
        .insertInto('teams')
        .values({ organizationId, id: teamId, name: team })
        .execute();
      teams.set(team, teamId);
    }
    const roleId = await roleIdOf(app, owner, role);
    await database.owner.db
      .insertInto('members')
      .values({
        organizationId,
        id: memberId,
        userId: person.userId,
        name: person.name,
        roleId,
        teamId,
      })
      .execute();
    return { userId: person.userId, organizationId, memberId };
  };
  return {
    app,
    database,
    owner,
    as: (who) => as(app, who),
    join,
    board: () => boardOf(app, owner),
    [Symbol.asyncDispose]: () => database.drop(),
  };
}

export interface Board {
  pipelineId: string;
  /** Stage ids by name. */
  stage(name: string): string;
}

async function boardOf(app: App, owner: Somebody): Promise<Board> {
  const calls = await as(app, owner);
  const { items } = await calls.pipelines.list({ isDefault: true });
  const pipelineId = items[0]?.id ?? '';
  const { stages } = await calls.pipelines.get({ id: pipelineId });
  return { pipelineId, stage: (name) => stages.find((one) => one.name === name)?.id ?? '' };
}

/** A deal in the first stage of the default pipeline. */
export async function newDeal(
  calls: Calls,
  { pipelineId, stage }: Board,
  fields: Partial<Parameters<Calls['deals']['create']>[0]> = {},
) {
  const { data } = await calls.deals.create({
    id: newId(),
    pipelineId,
    stageId: stage('Lead'),
    rank: 'a0',
    title: 'A deal',
    currency: 'USD',
    ...fields,
  });
  return data;
}

export async function newCustomer(
  calls: Calls,
  fields: Partial<Parameters<Calls['customers']['create']>[0]> = {},
) {
  return (await calls.customers.create({ id: newId(), name: 'A customer', ...fields })).data;
}

/** The code and reason with which a call is refused. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  if (!(cause instanceof Error) || !('code' in cause) || !('details' in cause))
    return `no refusal: ${String(error)}`;
  const { reason, fields } = cause.details as {
    reason?: string;
    fields?: { field: string; rule: string }[];
  };
  const told = reason ?? fields?.map(({ field, rule }) => `${field} ${rule}`).join(', ');
  return [cause.code, told].filter(Boolean).join(': ');
}
