import { setTimeout as sleep } from 'node:timers/promises';
import { createApi } from '#lib/api.ts';
import { Live } from '#lib/live/live.svelte.ts';
import type { Me } from '#lib/live/me.ts';

const password = 'demo-syncline';

/** Somebody at a screen: the real browser half of the engine, without a page around it. */
export interface Person {
  live: Live;
  me: Me;
  token: string;
  leave(): void;
}

/** Signs in at a running server and opens the organization. */
export async function openAs(url: string, email: string, organization = 'demo'): Promise<Person> {
  const { user, tokens } = await createApi({ origin: url }).call.auth.login.mutate({
    email,
    password,
    organization,
  });
  const headers = { authorization: `Bearer ${tokens.access}` };
  const me: Me = { memberId: user.memberId ?? '', name: user.name, teamId: null, access: {} };
  const live = new Live({ organization, me, server: { origin: url, headers } });
  live.start();
  return { live, me, token: tokens.access, leave: () => live.stop() };
}

/** Waits until something holds; says what it was when it does not within the limit. */
export async function until(what: string, holds: () => boolean, limit = 15_000): Promise<void> {
  const deadline = performance.now() + limit;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`Not within ${limit} ms: ${what}`);
    await sleep(5);
  }
}
