import type { ServerResponse } from 'node:http';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '#lib/shared/errors.ts';

/** Counts a request of somebody and says what is left, as draft-ietf-httpapi-ratelimit-headers-11 does. */
export type Limit = (who: string, response: ServerResponse) => Promise<void>;

const seconds = 60;

export function createLimit(requests: number): Limit {
  const limiter = new RateLimiterMemory({ points: requests, duration: seconds });
  return async (who, response) => {
    const state = await limiter.consume(who).catch((error: unknown) => {
      if (error instanceof RateLimiterRes) return error;
      throw error;
    });
    const wait = Math.ceil(state.msBeforeNext / 1000);
    response.setHeader('ratelimit-policy', `"default";q=${requests};w=${seconds}`);
    response.setHeader('ratelimit', `"default";r=${Math.max(0, state.remainingPoints)};t=${wait}`);
    if (state.consumedPoints > requests) {
      throw new AppError('TOO_MANY', { reason: 'tooManyRequests', retryAfter: Math.max(1, wait) });
    }
  };
}
