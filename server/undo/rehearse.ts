import { afterOpening, onConnection, opening, type Tx } from '../live/transaction.ts';
import type { MemberContext } from '../trpc.ts';

/** Runs a change to see what it would do, and takes it back: nobody else ever sees any of it. */
export async function rehearse<T>(ctx: MemberContext, run: (tx: Tx) => Promise<T>): Promise<T> {
  const { organizationId, memberId } = ctx.member;
  try {
    return await onConnection(ctx.app.pool, async (client) => {
      const answer = await afterOpening(client, opening({ organizationId, actor: memberId }), run);
      await client.query('rollback');
      return answer;
    });
  } finally {
    // Nothing is told that a crash could take back.
    await ctx.app.live.flush.barrier();
  }
}
