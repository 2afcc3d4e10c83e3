import type { OpenLive } from '#lib/live/context.ts';

/** What an id in a change is called, by the rows that every page has. */
export const namesHere =
  (live: OpenLive) =>
  (id: string): string | undefined =>
    live.rows('members').get(id)?.name ??
    live.rows('stages').get(id)?.name ??
    live.rows('lostReasons').get(id)?.name;
