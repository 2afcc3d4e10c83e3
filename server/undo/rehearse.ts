import { afterOpening, opening, rollback, type Tx } from '../live/transaction.ts';
import type { MemberContext } from '../trpc.ts';

/** Runs a change to see what it would do, and takes it back: nobody else ever sees any of it. */
export async function rehearse<T>(ctx: MemberContext, run: (tx: Tx) => Promise<T>): Promise<T> {
  const { organizationId, memberId } = ctx.member;
  const client = await ctx.app.pool.connect();
  let broken: Error | undefined;
  try {
    const answer = await afterOpening(client, opening({ organizationId, actor: memberId }), run);
    broken = await rollback(client);
    return answer;
  } catch (error) {
    broken = await rollback(client);
    throw error;
  } finally {
    client.release(broken);
    // Nothing is told that a crash could take back.
    await ctx.app.live.flush.barrier();
  }
}
