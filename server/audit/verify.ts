import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Pool, PoolClient } from 'pg';
import { nobody } from '../live/canary.ts';
import {
  digestOf,
  headText,
  historyBetween,
  LinkHash,
  noHash,
  type Seal,
  type SealedRow,
} from './chain.ts';
import { readErasures, type Erasures } from './erasures.ts';
import type { AuditKey } from './key.ts';
import { inOrganization } from './seal.ts';

interface Options {
  owner: Pool;
  key: AuditKey;
  heads: string;
}

export interface Verdict {
  organizationId: string;
  /** What is wrong, in words; empty when nothing is. */
  findings: string[];
  sealedTo: number;
  rows: number;
  /** Rows that wait for the next seal. */
  unsealed: number;
}

/**
 * Goes over the whole history of every organization: each value against its digest, each link against its
 * rows, its neighbours and its signature, and all of it against the heads that were kept beside the database.
 */
export async function verifyAudit({ owner, key, heads }: Options): Promise<Verdict[]> {
  const kept = await readHeads(heads);
  const { rows } = await owner.query<{ id: string }>(
    `select organization_id as id from sync.reader_state('{history}')
     where organization_id <> $1`,
    [nobody],
  );
  const ids = new Set([...rows.map(({ id }) => id), ...kept.map((head) => head.organizationId)]);
  const verdicts: Verdict[] = [];
  for (const id of [...ids].sort()) {
    const own = kept.filter(({ organizationId }) => organizationId === id);
    verdicts.push(
      await inOrganization(owner, id, (client) => verifyOne(client, id, own, key), {
        isSnapshot: true,
      }),
    );
  }
  return verdicts;
}

async function verifyOne(
  client: PoolClient,
  organizationId: string,
  heads: Head[],
  key: AuditKey,
): Promise<Verdict> {
  const seals = await sealsOf(client, organizationId);
  const erasures = await readErasures(client, organizationId, key);
  const findings = [
    ...verifyLinks(organizationId, seals, key),
    ...verifyHeads(organizationId, { heads, seals, key }),
  ];
  let rows = 0;
  for (const seal of seals) {
    const link = new LinkHash(organizationId, seal);
    const bounds = { from: seal.fromPos, to: seal.toPos };
    for await (const row of historyBetween(client, organizationId, bounds)) {
      link.add(row);
      findings.push(...verifyRow(row, erasures));
    }
    rows += link.rows;
    if (link.end().equals(seal.hash)) continue;
    const counted = link.rows - seal.rows;
    const what =
      counted < 0 ? `${-counted} missing` : counted > 0 ? `${counted} too many` : 'changed';
    findings.push(`rows of positions ${seal.fromPos} to ${seal.toPos}: ${what}`);
  }
  const sealedTo = seals.at(-1)?.toPos ?? 0;
  let unsealed = 0;
  const rest = { from: sealedTo + 1, to: Number.MAX_SAFE_INTEGER };
  for await (const row of historyBetween(client, organizationId, rest)) {
    unsealed += 1;
    findings.push(...verifyRow(row, erasures));
  }
  return { organizationId, findings, sealedTo, rows, unsealed };
}

async function sealsOf(client: PoolClient, organizationId: string): Promise<Seal[]> {
  const { rows } = await client.query<Seal>(
    `select from_pos as "fromPos", to_pos as "toPos", rows, previous, hash, signature
     from sync.seals where organization_id = $1 order by to_pos`,
    [organizationId],
  );
  return rows;
}

/** Each link follows the one before, and was signed. */
function verifyLinks(organizationId: string, seals: Seal[], key: AuditKey): string[] {
  return seals.flatMap((seal, at) => {
    const before = seals[at - 1];
    const follows =
      seal.fromPos === (before?.toPos ?? 0) + 1 && seal.previous.equals(before?.hash ?? noHash);
    const isSigned = key.verify(headText(organizationId, seal), seal.signature);
    return [
      ...(follows ? [] : [`the seal up to ${seal.toPos} does not follow the one before`]),
      ...(isSigned ? [] : [`the seal up to ${seal.toPos} is not signed by the key`]),
    ];
  });
}

function verifyRow(row: SealedRow, erasures: Erasures): string[] {
  const place = `${row.pos}.${row.ord} (${row.entity} ${row.id})`;
  if (row.salt && row.values !== null)
    return digestOf(row.salt, row.values).equals(row.digest)
      ? []
      : [`row ${place}: its values were changed`];
  const isErased = row.salt === null && row.values === null;
  if (isErased && erasures.names(row)) return [];
  return [`row ${place}: its values are gone, and no signed erasure names it`];
}

interface Head {
  organizationId: string;
  toPos: number;
  hash: string;
  signature: string;
}

async function readHeads(file: string): Promise<Head[]> {
  if (!existsSync(file)) return [];
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Head);
}

/** What was once sealed is still there: a chain that was cut has no link to its head. */
function verifyHeads(
  organizationId: string,
  { heads, seals, key }: { heads: Head[]; seals: Seal[]; key: AuditKey },
): string[] {
  const hashes = new Map(seals.map(({ toPos, hash }) => [toPos, hash.toString('hex')]));
  return heads.flatMap(({ toPos, hash, signature }) => {
    const text = headText(organizationId, { toPos, hash: Buffer.from(hash, 'hex') });
    if (!key.verify(text, Buffer.from(signature, 'hex')))
      return [`the kept head of ${toPos} is not signed by the key`];
    const found = hashes.get(toPos);
    if (found === hash) return [];
    return [found ? `the seal up to ${toPos} is another` : `the seal up to ${toPos} is gone`];
  });
}
