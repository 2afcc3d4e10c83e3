import type { Api } from '#lib/api.ts';

/** When each key was last used, in milliseconds since 1970: kept out of the log, so asked for. */
export class KeyUses {
  #at = $state.raw(new Map<string, number>());
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  of(keyId: string): number | undefined {
    return this.#at.get(keyId);
  }

  async load(): Promise<void> {
    try {
      const uses = await this.#api.call.apiKeys.uses.query();
      this.#at = new Map(uses.map(({ keyId, at }) => [keyId, new Date(at).getTime()]));
    } catch {
      // What is known stays until it can be asked for again, in a minute.
    }
  }
}
