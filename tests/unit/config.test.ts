import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError, readConfig } from '#server/config.ts';

const DATA_DIR = mkdtempSync(path.join(tmpdir(), 'syncline-config-'));
afterAll(() => rmSync(DATA_DIR, { recursive: true }));

const read = (env: Record<string, string> = {}) => readConfig({ DATA_DIR, ...env });

test('without any setting it serves this machine alone, with the demo in it', () => {
  expect(read()).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    databaseUrl: undefined,
    roles: { web: true, jobs: true },
    demo: true,
    trustProxy: 0,
  });
});

test('a database that is named gets no demo unless it is asked for', () => {
  const DATABASE_URL = 'postgres://crm@db.internal/crm';
  expect(read({ DATABASE_URL }).demo).toBe(false);
  expect(read({ DATABASE_URL, DEMO: '1' }).demo).toBe(true);
});

test('a wrong setting is named, all of them at once', () => {
  const wrong = {
    PORT: 'http',
    DATABASE_URL: 'mysql://x',
    ROLES: 'web,cron',
    SECRET_KEYS: 'short',
  };
  expect(() => read(wrong)).toThrow(ConfigError);
  for (const name of Object.keys(wrong))
    expect(() => read(wrong)).toThrow(new RegExp(`^${name}`, 'm'));
});

test('an empty setting counts as absent', () => {
  expect(read({ PORT: '', DATABASE_URL: '', SECRET_KEYS: '' }).port).toBe(3000);
});

test('the demo password everybody knows is refused where others can reach the server', () => {
  for (const HOST of ['127.0.0.1', 'localhost', '::1']) expect(read({ HOST }).demo).toBe(true);
  for (const HOST of ['0.0.0.0', '::', '10.0.0.5', 'crm.example']) {
    expect(() => read({ HOST })).toThrow('DEMO_PASSWORD');
    expect(read({ HOST, DEMO: '0' }).demo).toBe(false);
    expect(read({ HOST, DEMO_PASSWORD: 'something else' }).demo).toBe(true);
  }
  expect(() => read({ PUBLIC_URL: 'https://crm.example' })).toThrow('DEMO_PASSWORD');
});

test('a secret key is made once, kept for the owner of the folder alone, and used again', () => {
  const { secretKeys } = read();
  expect(read().secretKeys).toEqual(secretKeys);
  const file = path.join(DATA_DIR, 'secret-keys');
  expect(readFileSync(file, 'utf8').trim()).toBe(secretKeys.join('\n'));
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a ring of keys is read newest first', () => {
  const [first, second] = ['a'.repeat(32), 'b'.repeat(40)];
  expect(read({ SECRET_KEYS: `${first}, ${second}` }).secretKeys).toEqual([first, second]);
});

test('the public address is an origin, whatever path it is given with', () => {
  const PUBLIC_URL = 'https://crm.example/board/';
  expect(read({ PUBLIC_URL, DEMO: '0' }).publicUrl).toBe('https://crm.example');
});

test('acts cannot go before the images that show them too', () => {
  const days = { KEEP_IMAGES_DAYS: '60', KEEP_ACTS_DAYS: '30' };
  expect(() => read(days)).toThrow('KEEP_ACTS_DAYS');
  expect(read({ ...days, KEEP_ACTS_DAYS: '60' }).keepActsDays).toBe(60);
});
