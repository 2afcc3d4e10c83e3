import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Pool, PoolClient } from 'pg';
import { nobody } from '../live/canary.ts';
import { onConnection } from '../live/transaction.ts';
import { headText, historyBetween, LinkHash, noHash, type Seal } from './chain.ts';
import type { AuditKey } from './key.ts';

interface Options {
  /** The login that migrates: the application may not write seals. */
  owner: Pool;
  key: AuditKey;
  /** A file beside the database in which every head is kept. */
  heads: string;
  signal: AbortSignal;
}

/** Seals what the history has got since the last time, in every organization. */
export async function sealHistory({
  owner,
  key,
  heads,
  signal,
}: Options): Promise<{ seals: number }> {
  const { rows } = await owner.query<{ organizationId: string }>(
    `select s.organization_id as "organizationId" from sync.reader_state('{history}') s
     where s.organization_id <> $1 and s.pos > 0`,
    [nobody],
  );
  let seals = 0;
  for (const { organizationId } of rows) {
    signal.throwIfAborted();
    const seal = await inOrganization(owner, organizationId, (client) =>
      addLink(client, organizationId, key),
    );
    if (!seal) continue;
    seals += 1;
    await writeHead(heads, organizationId, seal);
  }
  return { seals };
}

/** One transaction past the application, in one organization. */
export const inOrganization = <T>(
  owner: Pool,
  organizationId: string,
  run: (client: PoolClient) => Promise<T>,
  { isSnapshot = false } = {},
): Promise<T> =>
  onConnection(owner, async (client) => {
    await client.query(isSnapshot ? 'begin isolation level repeatable read' : 'begin');
    await client.query(`select set_config('app.organization_id', $1, true)`, [organizationId]);
    const result = await run(client);
    await client.query('commit');
    return result;
  });

async function addLink(
  client: PoolClient,
  organizationId: string,
  key: AuditKey,
): Promise<Seal | undefined> {
  // Two nodes must not add the same link; and no erasure goes on meanwhile.
  await client.query(`select pg_advisory_xact_lock(hashtextextended('seal ' || $1, 0))`, [
    organizationId,
  ]);
  const toPos = await closedPosition(client, organizationId);
  const last = await lastSeal(client, organizationId);
  const fromPos = (last?.toPos ?? 0) + 1;
  if (toPos < fromPos) return undefined;
  const previous = last?.hash ?? noHash;
  const link = new LinkHash(organizationId, { previous, fromPos, toPos });
  for await (const row of historyBetween(client, organizationId, { from: fromPos, to: toPos }))
    link.add(row);
  const hash = link.end();
  const signature = key.sign(headText(organizationId, { toPos, hash }));
  const seal = { fromPos, toPos, rows: link.rows, previous, hash, signature };
  await client.query(
    `insert into sync.seals (organization_id, from_pos, to_pos, rows, previous, hash, signature)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [organizationId, fromPos, toPos, link.rows, previous, hash, signature],
  );
  return seal;
}

/** Up to here nothing is added to the history: what was set aside may still come. */
async function closedPosition(client: PoolClient, organizationId: string): Promise<number> {
  const { rows } = await client.query<{ pos: number }>(
    `select least(c.pos, (select min(p.pos) - 1 from sync.reader_poison p
       where p.organization_id = c.organization_id and p.reader = c.reader)) as pos
     from sync.reader_cursors c where c.organization_id = $1 and c.reader = 'history'`,
    [organizationId],
  );
  return rows[0]?.pos ?? 0;
}

async function lastSeal(
  client: PoolClient,
  organizationId: string,
): Promise<Pick<Seal, 'toPos' | 'hash'> | undefined> {
  const { rows } = await client.query<Pick<Seal, 'toPos' | 'hash'>>(
    `select to_pos as "toPos", hash from sync.seals where organization_id = $1
     order by to_pos desc limit 1`,
    [organizationId],
  );
  return rows[0];
}

/** After the commit: a head without a seal would look like a seal that was taken away. */
async function writeHead(
  file: string,
  organizationId: string,
  { toPos, hash, signature }: Seal,
): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const head = {
    organizationId,
    toPos,
    hash: hash.toString('hex'),
    signature: signature.toString('hex'),
  };
  await appendFile(file, `${JSON.stringify(head)}\n`, { mode: 0o600 });
}
