import {
  createTRPCUntypedClient,
  httpBatchLink,
  httpLink,
  splitLink,
  TRPCClientError,
} from '@trpc/client';
import { createTRPCClientProxy, type TRPCUntypedClient } from '@trpc/client';
import { AppError, type ErrorCode, type ErrorDetails } from '#lib/shared/errors.ts';
import type { AppRouter } from '#server/router.ts';

interface ApiOptions {
  /** The slug that stands in the address. */
  organization?: string;
  /** Another server than the page's own, and what to show it. */
  origin?: string;
  headers?: Record<string, string>;
}

/** The one tRPC client. */
export function createApi({ organization, origin = '', headers: own = {} }: ApiOptions = {}) {
  const url = `${origin}/trpc`;
  const headers = ({ context }: { context?: Record<string, unknown> } = {}): Record<
    string,
    string
  > => ({
    'x-syncline': '1',
    ...own,
    ...(organization ? { 'x-organization': organization } : {}),
    ...(typeof context?.['mutationId'] === 'string'
      ? { 'x-mutation-id': context['mutationId'] }
      : {}),
  });
  const client = createTRPCUntypedClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'mutation',
        true: httpLink({ url, headers: ({ op }) => headers({ context: op.context }) }),
        false: httpBatchLink({ url, headers: () => headers(), maxURLLength: 8_000 }),
      }),
    ],
  });
  return { client, call: createTRPCClientProxy<AppRouter>(client) };
}
type ApiProxy = ReturnType<typeof createTRPCClientProxy<AppRouter>>;
export type Api = { client: TRPCUntypedClient<AppRouter>; call: ApiProxy };

/** The error the server meant for the caller, with the request id that finds it in the log; undefined when the server was not reached. */
export function toCallError(error: unknown): (AppError & { requestId?: string }) | undefined {
  if (!(error instanceof TRPCClientError)) return undefined;
  const data: unknown = error.data;
  if (typeof data !== 'object' || data === null || !('app' in data)) return undefined;
  const { code, details, requestId } = data.app as {
    code: ErrorCode;
    details: ErrorDetails;
    requestId?: string;
  };
  return Object.assign(new AppError(code, details), requestId ? { requestId } : {});
}
