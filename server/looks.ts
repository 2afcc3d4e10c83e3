import { sql } from 'kysely';
import { z } from 'zod/mini';
import { lookPlace, markLook, type NewsKind } from '#lib/shared/looks.ts';
import type { Member } from './access.ts';
import { historyRows, type HistoryRow } from './history.ts';
import type { Tx } from './live/transaction.ts';
import { isNews } from './notifications/rules.ts';
import { change, member, query, router } from './trpc.ts';

const mostRead = 1_000;

/** What others did to one record since I looked. */
export interface News {
  id: string;
  title: string | null;
  kind: NewsKind;
  /** Member ids and workers' names; null is somebody past the application. */
  by: (string | null)[];
}

export interface Since {
  at: Date;
  /** What came later is told. */
  position: number;
  news: News[];
  /** There is more than is told. */
  isCut: boolean;
}

export const looks = router({
  /** What others changed at a place since I looked there last; null where I never did. */
  since: member
    .meta({ permission: 'member' })
    .input(z.strictObject({ place: lookPlace }))
    .query(({ ctx, input }) => query(ctx, (tx) => since(tx, ctx.member, input.place))),

  mark: member
    .meta({ permission: 'member' })
    .input(markLook.input)
    .mutation(({ ctx, input }) =>
      change(ctx, 'looks.mark', input, async (tx) => {
        const { organizationId, memberId } = ctx.member;
        const { place, position } = input;
        // Never beyond the log, and never back.
        await sql`
          insert into looks as l (organization_id, member_id, place, position, at)
          select ${organizationId}::uuid, ${memberId}::uuid, ${place}, t.pos, t.at
          from sync.change_tx t
          where t.organization_id = ${organizationId}::uuid and t.pos <= ${position}::bigint
          order by t.pos desc limit 1
          on conflict (organization_id, member_id, place)
            do update set position = excluded.position, at = excluded.at
            where l.position < excluded.position`.execute(tx);
        return { place };
      }),
    ),
});

async function since(tx: Tx, who: Member, place: string): Promise<Since | null> {
  const look = await tx
    .selectFrom('looks')
    .select(['position', 'at'])
    .where('memberId', '=', who.memberId)
    .where('place', '=', place)
    .executeTakeFirst();
  if (!look) return null;
  const [where = '', id] = place.split('/');
  const entity = where === 'board' ? 'deals' : where;
  const rows = await historyRows(tx, who, {
    entity,
    ...(where !== 'board' && id ? { id } : {}),
    since: look.at,
    limit: mostRead,
  });
  const others = rows.filter(({ pos, actor }) => pos > look.position && actor !== who.memberId);
  const news = gather(others);
  return {
    at: look.at,
    position: look.position,
    news: where === 'board' && id ? await inPipeline(tx, news, id) : news,
    isCut: rows.length === mostRead,
  };
}

const weights: NewsKind[] = ['deleted', 'created', 'won', 'lost', 'moved', 'changed'];

/** One for each record: what says most of it, and all who did something. */
function gather(rows: HistoryRow[]): News[] {
  const news = new Map<string, News>();
  for (const row of rows) {
    const kind = kindOf(row);
    if (!kind) continue;
    const known = news.get(row.id);
    if (!known) news.set(row.id, { id: row.id, title: row.title, kind, by: [row.actor] });
    else {
      if (weights.indexOf(kind) < weights.indexOf(known.kind)) known.kind = kind;
      if (!known.by.includes(row.actor)) known.by.push(row.actor);
    }
  }
  return [...news.values()];
}

function kindOf({ op, changes }: HistoryRow): NewsKind | undefined {
  if (op === 'I') return 'created';
  if (op === 'D') return 'deleted';
  const columns = Object.keys(changes ?? {});
  const state = changes?.['state']?.[1];
  if (state === 'won' || state === 'lost') return state;
  if (columns.includes('stage_id')) return 'moved';
  return columns.some(isNews) ? 'changed' : undefined;
}

/** Those that are on a board now; of what was deleted it is not known where it was. */
async function inPipeline(tx: Tx, news: News[], pipelineId: string): Promise<News[]> {
  const { rows } = await sql<{ id: string; isHere: boolean }>`
    select id, pipeline_id = ${pipelineId}::uuid as is_here from deals
    where id = any(${news.map(({ id }) => id)}::uuid[])`.execute(tx);
  const here = new Map(rows.map(({ id, isHere }) => [id, isHere]));
  return news.filter(({ id }) => here.get(id) === true);
}
