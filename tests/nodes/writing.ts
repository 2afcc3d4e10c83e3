import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import pg from 'pg';
import { expect } from 'vitest';
import { createApi } from '#lib/api.ts';
import { newId } from '#lib/shared/ids.ts';
import type { Recorder } from './recorder.ts';

export interface Ground {
  pipelineId: string;
  deals: string[];
  token: string;
  admin: pg.Client;
}

/** Some open deals of the demo, and somebody who may change them. */
export async function findGround(url: string, databaseUrl: string): Promise<Ground> {
  const admin = new pg.Client(databaseUrl);
  await admin.connect();
  const { rows } = await admin.query<{ id: string; pipelineId: string }>(
    `select d.id, d.pipeline_id as "pipelineId" from crm.deals d
     join crm.pipelines p on p.id = d.pipeline_id and p.is_default
     join crm.organizations o on o.id = d.organization_id and o.slug = 'demo'
     where d.state = 'open' order by d.id limit 8`,
  );
  expect(rows).toHaveLength(8);
  const { tokens } = await createApi({ origin: url }).call.auth.login.mutate({
    email: 'anna@demo.test',
    password: 'demo-syncline',
    organization: 'demo',
  });
  return {
    admin,
    pipelineId: rows[0]?.pipelineId ?? '',
    deals: rows.map(({ id }) => id),
    token: tokens.access,
  };
}

interface Options {
  url: string;
  ground: Ground;
  /** A change that is not answered well is sent again under its id; else it counts as failed. */
  insists: boolean;
}

/** Changes deals without pause, each change under an id of its own, and keeps what was acknowledged. */
export class Writers {
  readonly acknowledged = new Map<string, number>();
  readonly failed: string[] = [];
  readonly #options: Options;
  readonly #running: Promise<void>[];
  #isStopping = false;

  constructor(count: number, options: Options) {
    this.#options = options;
    this.#running = Array.from({ length: count }, (_, writer) => this.#write(writer));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  async #write(writer: number): Promise<void> {
    const { deals } = this.#options.ground;
    for (let n = 0; !this.#isStopping; n += 1) {
      // Every other change meets the other writers on the same deal.
      const id = deals[n % 2 === 0 ? 0 : 1 + (writer % (deals.length - 1))] ?? '';
      const mutation = newId();
      const input = { id, title: `${writer} for the ${n}th time` };
      const position = await this.#insist(mutation, input);
      if (position !== undefined) this.acknowledged.set(mutation, position);
    }
  }

  async #insist(mutation: string, input: object): Promise<number | undefined> {
    for (;;) {
      const { position, fault } = await this.#change(mutation, input);
      if (position !== undefined) return position;
      if (!this.#options.insists) {
        this.failed.push(fault);
        return undefined;
      }
      await sleep(50);
    }
  }

  async #change(mutation: string, input: object): Promise<{ position?: number; fault: string }> {
    const { url, ground } = this.#options;
    try {
      const answer = await fetch(`${url}/trpc/deals.update`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${ground.token}`,
          'x-organization': 'demo',
          'x-syncline': '1',
          'x-mutation-id': mutation,
        },
        body: JSON.stringify(input),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await answer.text();
      if (!answer.ok) return { fault: `${answer.status} ${text}` };
      const { result } = JSON.parse(text) as { result: { data: { position: number } } };
      return { position: result.data.position, fault: '' };
    } catch (error) {
      return { fault: inspect(error) };
    }
  }
}

/**
 * The log is the list that everybody appended to. Every acknowledged change is in it once, where it was
 * said to be; every recorder got of each deal exactly what the log has, in its order, from its start on.
 */
export async function compare(ground: Ground, writers: Writers, recorders: Recorder[]) {
  const { rows: log } = await ground.admin.query<{
    mutation: string | null;
    pos: number;
    id: string;
    rev: number;
  }>(
    `select t.mutation_id as mutation, t.pos::int as pos, l.id, l.rev::int as rev
     from sync.change_tx t join crm.organizations o on o.id = t.organization_id and o.slug = 'demo'
     join sync.change_log l on l.xid = t.xid and l.at = t.at and l.organization_id = t.organization_id
     where l.entity = 'deals' order by t.pos, l.ord`,
  );
  const byMutation = Map.groupBy(log, ({ mutation }) => mutation);
  const wrong = [...writers.acknowledged].filter(([mutation, position]) => {
    const found = byMutation.get(mutation) ?? [];
    return found.length !== 1 || found[0]?.pos !== position;
  });
  expect(wrong).toEqual([]);
  const head = log.at(-1)?.pos ?? 0;
  await expect
    .poll(() => recorders.map(({ position }) => position >= head), { timeout: 15_000 })
    .toEqual(recorders.map(() => true));
  for (const recorder of recorders) {
    expect(recorder.gaps).toEqual([]);
    expect(recorder.starts).toBe(1);
    for (const id of ground.deals) {
      const begun = recorder.begun.get(id) ?? Infinity;
      const expected = log.filter((row) => row.id === id && row.rev > begun).map(({ rev }) => rev);
      expect(recorder.versions.get(id) ?? []).toEqual(expected);
    }
  }
}
