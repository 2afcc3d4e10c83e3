import { createHash } from 'node:crypto';
import {
  getTRPCErrorFromUnknown,
  initTRPC,
  TRPCError,
  type TRPC_ERROR_CODE_KEY,
} from '@trpc/server';
import { AppError, type ErrorCode } from '#lib/shared/errors.ts';
import { requirePermission, type Member, type Permission } from './access.ts';
import type { App } from './app.ts';
import { noteRefusal } from './audit/events.ts';
import { isForKeys } from './auth/api-keys.ts';
import type { Identity } from './auth/identify.ts';
import { toAppError } from './errors.ts';
import { commit, type Committed, type Proof } from './live/commit.ts';
import { read, type Tx } from './live/transaction.ts';
import type { RestRoute } from './rest/route.ts';

/** What a call knows of its caller. `mutationId` is chosen by the caller, the same for every attempt. */
export interface Context {
  app: App;
  requestId: string;
  ip: string;
  userAgent?: string | undefined;
  identity: Identity | undefined;
  member: Member | undefined;
  mutationId: string | undefined;
  /** Where the caller is known from an earlier call only; a change makes sure of it. */
  proof?: Proof | undefined;
  /** What must hold first, looked at in the transaction of the change: `If-Match`, a key in use. */
  precondition?: ((tx: Tx) => Promise<void>) | undefined;
  /** What was asked, where the input has parts of the server's own making. */
  requestHash?: string | undefined;
  /** What the changes of several transactions are known by together. */
  runId?: string;
}
export type MemberContext = Context & { identity: Identity; member: Member };

interface Meta {
  /** Every procedure names who may call it; the access test walks this. */
  permission: Permission | 'public' | 'signedIn' | 'member';
  rest?: RestRoute[];
}

const statusNames: Record<ErrorCode, TRPC_ERROR_CODE_KEY> = {
  BAD_INPUT: 'BAD_REQUEST',
  UNAUTHENTICATED: 'UNAUTHORIZED',
  FORBIDDEN: 'FORBIDDEN',
  NOT_FOUND: 'NOT_FOUND',
  CONFLICT: 'CONFLICT',
  STALE: 'PRECONDITION_FAILED',
  TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  REUSED_KEY: 'UNPROCESSABLE_CONTENT',
  TOO_MANY: 'TOO_MANY_REQUESTS',
  INTERNAL: 'INTERNAL_SERVER_ERROR',
  UNAVAILABLE: 'SERVICE_UNAVAILABLE',
};

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    errorFormatter({ shape, error, ctx }) {
      const known = toAppError(error);
      const code = known?.code ?? codeOf(error);
      // A bug's message stays in the log; the person sees the request id, which finds it there.
      return {
        message: code === 'INTERNAL' ? 'INTERNAL' : (known?.message ?? code),
        code: shape.code,
        data: {
          code: shape.data.code,
          httpStatus: shape.data.httpStatus,
          app: { code, details: known?.details ?? {}, requestId: ctx?.requestId },
        },
      };
    },
  });

const codeOf = (error: TRPCError): ErrorCode =>
  (Object.entries(statusNames).find(([, name]) => name === error.code)?.[0] as
    ErrorCode | undefined) ?? 'INTERNAL';

const named = t.procedure
  .use(async ({ ctx, path, next }) => {
    const result = await next();
    const known = result.ok ? undefined : toAppError(result.error);
    const isSure = !ctx.proof || ctx.proof.isGiven;
    if (known?.code === 'FORBIDDEN' && ctx.member && isSure)
      noteRefusal(ctx.app, ctx.member, { path, origin: ctx });
    if (!result.ok && known) throw toTrpcError(result.error);
    return result;
  })
  .use(({ ctx, path, meta, next }) => {
    if (ctx.identity?.via === 'key' && !isForKeys(path, meta?.permission ?? '')) {
      throw new AppError('FORBIDDEN', { reason: 'notByKey' });
    }
    return next();
  });

/** With the code that belongs to what the caller may be told; INTERNAL_SERVER_ERROR for a bug. */
export function toTrpcError(error: unknown): TRPCError {
  const known = toAppError(error);
  return known
    ? new TRPCError({ code: statusNames[known.code], message: known.message, cause: known })
    : getTRPCErrorFromUnknown(error);
}

export const router = t.router;
export const mergeRouters = t.mergeRouters;

/** Anyone, signed in or not. */
export const open = named.meta({ permission: 'public' });

/** A person with an account, in whatever organization. */
export const signedIn = named.meta({ permission: 'signedIn' }).use(({ ctx, next }) => {
  if (!ctx.identity) throw new AppError('UNAUTHENTICATED', { reason: 'signInFirst' });
  return next({ ctx: { ...ctx, identity: ctx.identity } });
});

/** Any member of the organization that the call names. */
export const member = signedIn.meta({ permission: 'member' }).use(({ ctx, next }) => {
  if (!ctx.member) throw new AppError('NOT_FOUND', { reason: 'noOrganization' });
  return next({ ctx: { ...ctx, member: ctx.member } });
});

/** Members whose role grants the permission at some level; which records it reaches is for the queries. */
export const allowed = (permission: Permission, rest: RestRoute[] = []) =>
  member.meta({ permission, rest }).use(({ ctx, next }) => {
    requirePermission(ctx.member, permission);
    return next();
  });

/** Runs a change of the caller's organization: one transaction, exactly once under its mutation id. */
export function change<T>(
  ctx: MemberContext,
  name: string,
  input: unknown,
  run: (tx: Tx) => Promise<T>,
): Promise<Committed<T>> {
  const { member: who, mutationId, runId, proof } = ctx;
  const mutation = mutationId
    ? { id: mutationId, name, hash: ctx.requestHash ?? hashOf(input) }
    : undefined;
  return commit(
    ctx.app.live,
    {
      organizationId: who.organizationId,
      actor: who.memberId,
      mutation,
      proof,
      ...(runId && { runId }),
    },
    async (tx) => {
      await ctx.precondition?.(tx);
      return run(tx);
    },
  );
}

export const hashOf = (input: unknown): string =>
  createHash('sha256').update(JSON.stringify(input)).digest('base64url');

/** Reads in the caller's organization. */
export async function query<T>(ctx: MemberContext, run: (tx: Tx) => Promise<T>): Promise<T> {
  const { organizationId, memberId } = ctx.member;
  const answer = await read(ctx.app.pool, { organizationId, actor: memberId }, run);
  // Nothing is told that a crash could take back.
  await ctx.app.live.flush.barrier();
  return answer;
}
