import type { AddressInfo } from 'node:net';
import type { App } from '#server/app.ts';
import { issueTokens } from '#server/auth/refresh-tokens.ts';
import { Health } from '#server/health.ts';
import { createHttpServer } from '#server/http.ts';
import { handleRest } from '#server/rest/adapter.ts';
import { newOwner, startParts } from '#tests/auth/people.ts';
import type { TestDatabase } from '#tests/support/database.ts';

/** A program outside has no types of ours. */
type Json = ReturnType<typeof JSON.parse>;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
  text: string;
}

export type Caller = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

export interface Api {
  app: App;
  database: TestDatabase;
  url: string;
  /** Calls as somebody with tokens of an organization; without: as nobody. */
  as(who?: { userId: string; organizationId: string }): Promise<Caller>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The REST API on a port of its own. */
export async function startApi(
  options: { requestsPerMinute?: number; origins?: string[] } = { requestsPerMinute: 100_000 },
): Promise<Api> {
  const { app, database } = await startParts();
  const { config, log } = app;
  const mounts = [{ path: '/api', handle: handleRest(app, options) }];
  const server = createHttpServer({ config, log, health: new Health({}), mounts });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    app,
    database,
    url,
    async as(who) {
      const tokens = who && (await issueTokens(app, who));
      return caller(url, tokens ? { authorization: `Bearer ${tokens.access}` } : {});
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await database.drop();
    },
  };
}

function caller(url: string, known: Record<string, string>): Caller {
  return async (method, path, body, headers = {}) => {
    const isText = typeof body === 'string';
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...known,
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : undefined,
      text,
    };
  };
}

export { newOwner };
