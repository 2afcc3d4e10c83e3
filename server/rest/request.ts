import type { IncomingMessage } from 'node:http';
import { AppError, badInput } from '#lib/shared/errors.ts';
import { HttpRefusal } from './problems.ts';

const maxBytes = 1_000_000;
const maxDepth = 16;

/** The path below /api/v1: with or without v1, with or without a slash at the end, customers also below crm. */
export function pathOf(url: string): string {
  const raw = url.split('?', 1)[0] ?? '';
  const decoded = raw
    .split('/')
    .map((part) => decode(part))
    .join('/');
  const path = decoded.replace(/^\/api(\/v1)?(?=\/|$)/, '').replace(/\/+$/, '');
  return path.replace(/^\/crm(?=\/customers(\/|$))/, '') || '/';
}

function decode(part: string): string {
  try {
    const text = decodeURIComponent(part);
    if (!text.includes('/') && !text.includes('\0')) return text;
  } catch {
    // No path of ours is written so.
  }
  throw new AppError('NOT_FOUND');
}

/** What the query says. A name that comes twice is a list. */
export function queryOf(url: string): Record<string, unknown> {
  const at = url.indexOf('?');
  const given = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  return Object.fromEntries(
    [...new Set(given.keys())].map((name) => {
      const values = given.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

/** The JSON object that a request brings; empty when it brings none. */
export async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const { headers } = request;
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) return {};
  const [type = ''] = String(headers['content-type'] ?? '').split(';');
  const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity';
  if (!isPlain || !/^application\/([\w.-]+\+)?json$/i.test(type.trim())) {
    throw new HttpRefusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send application/json, not compressed.', {
      accept: 'application/json',
    });
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  return readObject(await readAll(request));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooLarge = () =>
  new AppError('TOO_LARGE', { reason: 'bodyTooLarge', params: { most: maxBytes } });

function readObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('BAD_INPUT', { reason: 'unreadableJson' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('BAD_INPUT', { reason: 'notAnObject' });
  }
  requireShallow(value, maxDepth);
  return { ...value };
}

/** Names that mean something to JavaScript are never data. */
const forbidden = ['__proto__', 'constructor', 'prototype'];

function requireShallow(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0) throw new AppError('BAD_INPUT', { reason: 'tooDeep' });
  for (const [name, held] of Object.entries(value)) {
    if (forbidden.includes(name)) throw badInput(name, 'unknown');
    requireShallow(held, depth - 1);
  }
}

/** Answers are JSON; whoever can read nothing of the kind is told. */
export function requireAcceptance({ headers: { accept } }: IncomingMessage): void {
  if (!accept || /(^|,)\s*(\*\/\*|application\/(\*|([\w.-]+\+)?json))/i.test(accept)) return;
  throw new HttpRefusal(406, 'NOT_ACCEPTABLE', 'Answers are application/json.');
}
