import type { Pool } from 'pg';

export interface ToldRow {
  memberId: string;
  kind: string;
  words: string;
  recordId: string;
  title: string;
  actor: string | null;
  count: number;
  state: string;
  data: Record<string, unknown>;
}

/** All that members of an organization are told, the oldest first. */
export async function inboxOf(owner: Pool, memberId: string): Promise<ToldRow[]> {
  const { rows } = await owner.query<ToldRow>(
    `select member_id as "memberId", kind, data ->> 'words' as words, record_id as "recordId", title,
       actor, count, state, data
     from crm.notifications where member_id = $1 order by at, created_at, id`,
    [memberId],
  );
  return rows;
}

/** In short: `kind words×count of title`. */
export const said = (rows: ToldRow[]): string[] =>
  rows.map(({ words, count, title }) => `${words}${count > 1 ? ` ×${count}` : ''}: ${title}`);
