import { borrowEmbedded, type Embedded, type Log, startEmbedded } from '#db/embedded.ts';

interface Options {
  databaseUrl: string | undefined;
  dataDir: string;
  log: Log;
}

/** The server's database: the one that is named, else the data folder's own, served by this process. */
export function serveDatabase({ databaseUrl, dataDir, log }: Options): Promise<Embedded> {
  return databaseUrl ? named(databaseUrl) : startEmbedded({ dataDir, log });
}

/** The same for a command line tool, which may run beside the server. */
export function useDatabase({ databaseUrl, dataDir, log }: Options): Promise<Embedded> {
  return databaseUrl ? named(databaseUrl) : borrowEmbedded({ dataDir, log });
}

function named(url: string): Promise<Embedded> {
  return Promise.resolve({ url, stop: () => Promise.resolve() });
}
