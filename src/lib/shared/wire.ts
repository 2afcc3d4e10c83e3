/**
 * What travels over the socket, on one screen. A client subscribes to topics and totals; it gets their
 * rows once and then frames. Frames of a connection chain: each begins where the one before ended, even
 * where nothing was visible, so a client notices a gap and asks again with its cursor.
 * Ids in frames are packed (ids.ts), columns are numbered as `Welcome.columns` says.
 */
export const protocolVersion = 1;

/** Sent once after the handshake `{ organization, protocol }`. `epoch` is the life of the database. */
export interface Welcome {
  epoch: string;
  columns: Record<string, string[]>;
  memberId: string;
}

/** Where a client stands; with it a connection goes on where an earlier one ended. */
export interface Cursor {
  epoch: string;
  position: number;
  rights: string;
  /** Its rows are not to be continued, only not to be shown older than this. */
  isPast?: true;
}

export interface Subscribe {
  topics: string[];
  totals: string[];
  lists?: string[];
  cursor?: Cursor;
}

/** Answers a subscribe that began a connection: what follows continues the cursor, or replaces all rows. */
export interface Start {
  position: number;
  rights: string;
  resumed: boolean;
}

/** entity number, id, version; then nothing: gone; 0 and column-value pairs: changed; 1 and all values: here now. */
export type Op =
  | [entity: number, id: string, rev: number]
  | [entity: number, id: string, rev: number, kind: 0, pairs: unknown[]]
  | [entity: number, id: string, rev: number, kind: 1, values: unknown[]];

/** One transaction: milliseconds since 1970, packed member id or a worker's name or null, its visible rows. */
export type WireTx = [at: number, actor: string | null, ops: Op[]];

/** Group and its figures, absolute; the figures are null when the group is gone. */
export type TotalsEntry = [group: string, figures: number[] | null];
export type TotalsChange = [key: string, entries: TotalsEntry[]];

/** At a place of a list so many ids are taken out, and this one is put in; one after the other. */
export type ListSplice = [at: number, out: number, id?: string];
/** How long the list is now, and how it came to be so; without that all ids are to be asked for anew. */
export type ListChange = [key: string, total: number, splices?: ListSplice[]];

export type Frame = [
  from: number,
  to: number,
  txs?: WireTx[],
  totals?: TotalsChange[],
  lists?: ListChange[],
];

/** A person's tab: where it is, which card it carries, which field it is in. */
export interface Presence {
  place: string;
  lifted?: string;
  field?: string;
}
export type PresenceEntry = [tab: string, member: string, state: Presence | null];

export type CloseReason = 'signedOut' | 'removed' | 'tooSlow' | 'tooMany' | 'tooOld' | 'draining';

export interface ServerMessages {
  welcome: (welcome: Welcome) => void;
  start: (start: Start) => void;
  /** UTF-8 JSON `[[id, rev, …values], …]` of a whole topic, and what happened to it since. */
  rows: (topic: string, body: ArrayBuffer | Uint8Array, late: WireTx[]) => void;
  totals: (key: string, entries: TotalsEntry[]) => void;
  /** A list begins, or begins anew; the first ids follow. */
  list: (key: string, total: number) => void;
  /** Packed ids of a list from a place on, one after the other. */
  ids: (key: string, from: number, ids: string) => void;
  /** What this person may not have, what does not exist, or one list too many. */
  refused: (key: string, code: 'FORBIDDEN' | 'BAD_INPUT' | 'TOO_MANY') => void;
  f: (frame: Frame) => void;
  people: (entries: PresenceEntry[]) => void;
  /** `wait`: after how many milliseconds to come back. */
  bye: (reason: CloseReason, wait?: number) => void;
}

export interface ClientMessages {
  subscribe: (subscribe: Subscribe) => void;
  unsubscribe: (keys: string[]) => void;
  /** Asks for the ids of a part of a list. */
  range: (key: string, from: number, to: number) => void;
  /** Asks for the current position now, when a change of one's own waits for it. */
  advance: () => void;
  /** Now and then: everything up to here is shown. The answer is how many milliseconds after its commit. */
  applied: (position: number, answer: (lag: number) => void) => void;
  presence: (state: Presence) => void;
}
