import { memberKeys } from '../access.ts';
import type { Hub } from './hub.ts';
import type { LiveServer } from './server.ts';
import type { Watcher } from './watcher.ts';

/** How often ended sessions are looked for, in milliseconds: sessions have no organization and no log. */
const sessionsEvery = 200;

/** Takes rights away on open sockets as soon as the log, or the table of sessions, says so. */
export class Revocation {
  readonly #live: LiveServer;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(live: LiveServer) {
    this.#live = live;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.#checkSessions(), sessionsEvery);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Looks whether the transactions just taken in touch the standing of somebody who watches. */
  check(hub: Hub): void {
    const { members, roles, isEverybody } = hub.takeStandings();
    if (members.size === 0 && roles.size === 0 && !isEverybody) return;
    for (const watcher of this.#live.watchers) {
      if (watcher.hub !== hub) continue;
      const { memberId, roleId } = watcher.member;
      if (isEverybody || members.has(memberId) || roles.has(roleId)) this.recheck(watcher);
    }
  }

  /** Reads a watcher's standing anew and acts on what is different. */
  recheck(watcher: Watcher): void {
    const { userId, organizationId } = watcher.member;
    watcher.checks += 1;
    const check = watcher.checks;
    this.#live.options
      .findMember(userId, organizationId)
      .then((member) => {
        if (!member) return watcher.close('removed');
        // A later question may have been answered first.
        if (check !== watcher.checks) return;
        watcher.member = member;
        this.#live.presence.admit(watcher);
        const rights = new Set(memberKeys(member));
        const same =
          rights.size === watcher.rights.size &&
          [...rights].every((key) => watcher.rights.has(key));
        watcher.rights = rights;
        if (same) return;
        // At once: what comes between now and the new rows must not be seen under the old rights.
        watcher.leave();
        this.#live.subscriptions.restart(watcher);
      })
      // Who cannot be checked is let go, and checked again when coming back.
      .catch(() => watcher.close('draining'));
  }

  async #checkSessions(): Promise<void> {
    // Those who come while the question is asked are not in it.
    const asked = [...this.#live.watchers].filter(({ sessionHash }) => sessionHash);
    const hashes = [...new Set(asked.flatMap(({ sessionHash }) => sessionHash ?? []))];
    try {
      if (hashes.length > 0) {
        const living = await this.#live.options.liveSessions(hashes);
        for (const watcher of asked) {
          if (!living.has(watcher.sessionHash ?? '')) watcher.close('signedOut');
        }
      }
    } catch (error) {
      if (!this.#stopped) this.#live.options.log.warn({ error }, 'sessions could not be checked');
    }
    if (!this.#stopped) this.start();
  }
}
