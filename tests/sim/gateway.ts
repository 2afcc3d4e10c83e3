import { CompiledQuery } from 'kysely';
import type { Member } from '#server/access.ts';
import type { LiveServer } from '#server/live/server.ts';
import type { Tx } from '#server/live/transaction.ts';
import { standingOf } from '#tests/oracle/loops.ts';
import type { Build } from './builds.ts';
import type { Actor } from './clock.ts';
import { ask, Pool } from './connection.ts';
import { here } from './here.ts';
import { dealList } from './lists.ts';
import type { Node, Reply, Request } from './network.ts';
import type { Postgres, Transaction } from './postgres.ts';
import { procedures } from './procedures.ts';
import { rowsNow } from './rows.ts';
import { ModelSource } from './source.ts';
import type { SocketServer } from './stand-ins/socket.io.ts';

/** One process of the server: the engine itself, over the model of the database. */
export class Gateway implements Node {
  readonly actor: Actor;
  readonly build: Build;
  readonly #postgres: Postgres;
  sockets: SocketServer | undefined;
  live: LiveServer | undefined;

  constructor(name: string, build: Build, postgres: Postgres) {
    this.actor = { name, isAlive: true };
    this.build = build;
    this.#postgres = postgres;
    here.clock.after(here.chance.between(0, 50), () => void this.#start(), this.actor);
  }

  async #start(): Promise<void> {
    const say =
      (level: string) =>
      (what: { err?: Error; error?: Error }, text = ''): void =>
        here.note(
          `${this.actor.name} ${level}: ${text} ${(what.err ?? what.error)?.message ?? ''}`,
        );
    const pool = new Pool(this.#postgres);
    try {
      const live = new this.build.server.LiveServer({
        pool,
        ownPool: pool,
        source: new ModelSource(this.#postgres, this.build),
        log: { info: say('says'), warn: say('warns'), error: say('errs') },
        admit: async ({ headers, organization }: Parameters<LiveServer['options']['admit']>[0]) => {
          const token = (headers['authorization'] ?? '').replace('Bearer ', '');
          const member = await this.#memberBy(token, organization);
          return member && { member, sessionHash: token };
        },
        findMember: (userId: string, organizationId: string) =>
          ask(this.#postgres, () => findMember(this.#postgres, userId, organizationId)),
        liveSessions: (hashes: string[]) =>
          ask(
            this.#postgres,
            () => new Set(hashes.filter((hash) => this.#postgres.sessions.has(hash))),
          ),
        totals: [
          {
            name: 'dealTotals',
            entity: 'deals',
            params: this.build.dealTotals.dealFilter,
            measure: this.build.dealTotals.dealMeasure,
            load: () => Promise.reject(new Error('The model counts itself')),
          },
        ],
        lists: [dealList],
      } as unknown as LiveServer['options']);
      await live.attach(this as unknown as Parameters<LiveServer['attach']>[0]);
      this.live = live;
    } catch (error) {
      // Whoever watches over it starts it again.
      here.note(`${this.actor.name} does not start: ${String(error)}`);
      here.clock.after(300, () => void this.#start());
    }
  }

  #memberBy(token: string, organization: string): Promise<Member | undefined> {
    return ask(this.#postgres, () =>
      this.#postgres.sessions.has(token)
        ? findMember(this.#postgres, token.split('#')[0] ?? '', organization)
        : undefined,
    );
  }

  /** A call over HTTP, answered as tRPC does. */
  async answer({ path, headers, body }: Request): Promise<Reply> {
    const { AppError } = this.build.errors;
    try {
      const live = this.live;
      if (!live) throw new AppError('UNAVAILABLE', {});
      const token = (headers['authorization'] ?? '').replace('Bearer ', '');
      if (!(await ask(this.#postgres, () => this.#postgres.sessions.has(token))))
        throw new AppError('UNAUTHENTICATED', {});
      const member = await this.#memberBy(token, headers['x-organization'] ?? '');
      if (!member) throw new AppError('NOT_FOUND', { reason: 'noOrganization' });
      const name = path.split('/trpc/')[1] ?? '';
      const procedure = procedures[name];
      if (!procedure) throw new AppError('NOT_FOUND', {});
      const context = { app: { live }, member, mutationId: headers['x-mutation-id'] };
      const run = async (tx: Tx): Promise<unknown> => {
        let answer: unknown;
        await inModel(tx, async (model) => {
          const input = body as Record<string, unknown>;
          answer = await procedure({ build: this.build, member, input, tx: model });
          if (model.scope.mutationId) model.effects.push(model.scope.mutationId);
        });
        return answer;
      };
      const done = await this.build.trpc.change(
        context as Parameters<Build['trpc']['change']>[0],
        name,
        body,
        run,
      );
      return { status: 200, body: { result: { data: done } } };
    } catch (error) {
      const known = this.build.serverErrors.toAppError(error);
      const code = known?.code ?? 'INTERNAL';
      if (!known) here.note(`${this.actor.name} fails: ${String(error)}`);
      const app = { code, details: known?.details ?? {}, requestId: 'r' };
      return {
        status: 500,
        body: { error: { message: code, code: -32_000, data: { code, httpStatus: 500, app } } },
      };
    }
  }
}

/** Runs on the rows of the model, inside the transaction that the engine has begun. */
const inModel = (tx: Tx, run: (transaction: Transaction) => Promise<void>): Promise<unknown> =>
  tx.executeQuery(CompiledQuery.raw('model', [run]));

/** A person's place in an organization; a user has the id of the member in this small world. */
function findMember(
  postgres: Postgres,
  userId: string,
  organizationId: string,
): Member | undefined {
  const rows = rowsNow(postgres, organizationId);
  const standing = standingOf(rows, userId);
  const member = rows.get('members', userId);
  if (!standing || !member) return undefined;
  return {
    ...standing,
    access: standing.access as Member['access'],
    organizationId,
    slug: organizationId,
    userId,
    name: String(member['name']),
    roleId: String(member['role_id']),
    roleSlug: '',
  };
}
