import type { Pool } from 'pg';

export type Check = () => Promise<boolean> | boolean;

const PATIENCE_MS = 1000;

/** Ready when every check passes within a second; draining or not, the process is alive. */
export class Health {
  readonly #checks: Record<string, Check>;
  isDraining = false;

  constructor(checks: Record<string, Check>) {
    this.#checks = checks;
  }

  /** The names of what is not right; empty when people may be let in. */
  async failures(): Promise<string[]> {
    if (this.isDraining) return ['draining'];
    const results = await Promise.all(
      Object.entries(this.#checks).map(async ([name, check]) =>
        (await passes(check)) ? [] : [name],
      ),
    );
    return results.flat();
  }
}

async function passes(check: Check): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  try {
    return await Promise.race([check(), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** The database answers and has at least the migrations that this program was written for. */
export function databaseCheck(pool: Pool, newest: string): Check {
  return async () => {
    const { rows } = await pool.query('select from platform.migrations where name = $1', [newest]);
    return rows.length === 1;
  };
}
