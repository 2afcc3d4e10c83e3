import { newId } from '#lib/shared/ids.ts';
import { rankOf } from './clock.ts';

/** One of the two servers, and how to speak to it. */
export interface Contestant {
  name: 'ours' | 'floor';
  port: number;
  organization: string;
  /** Cookies of people with different rights, all of whom see the board; the first two may edit. */
  people: string[];
  board: Board;
  /** 5,000 deals that nobody moves. */
  large: Board;
}

export interface Board {
  pipelineId: string;
  stages: string[];
  deals: string[];
}

export interface Call {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** The HTTP request of one move: every deal of the board in turn, back and forth between two stages. */
export function moveCall(
  { name, port, organization, people, board }: Contestant,
  move: number,
  deals: number,
): Call {
  const id = board.deals[move % deals];
  const stageId = board.stages[Math.floor(move / deals) % 2];
  const body = JSON.stringify({ id, stageId, rank: rankOf(move) });
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(body.length),
  };
  if (name === 'floor') return { path: '/move', headers, body };
  Object.assign(headers, {
    cookie: people[move % 2],
    origin: `http://127.0.0.1:${port}`,
    'x-syncline': '1',
    'x-organization': organization,
    'x-mutation-id': newId(),
  });
  return { path: '/trpc/deals.move', headers, body };
}
