import { createTRPCUntypedClient, httpBatchLink, httpLink, splitLink, TRPCClientError } from '@trpc/client';
import { createTRPCClientProxy, type TRPCUntypedClient } from '@trpc/client';
import { AppError, type ErrorCode, type ErrorDetails } from '#lib/shared/errors.ts';
import type { AppRouter } from '#server/router.ts';

/** The one tRPC client. `organization` is the slug that stands in the address. */
export function createApi(organization?: string) {
  const headers = ({ context }: { context?: Record<string, unknown> } = {}): Record<string, string> => ({
    'x-syncline': '1',
    ...(organization ? { 'x-organization': organization } : {}),
    ...(typeof context?.['mutationId'] === 'string' ? { 'x-mutation-id': context['mutationId'] } : {}),
  });
  const client = createTRPCUntypedClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'mutation',
        true: httpLink({ url: '/trpc', headers: ({ op }) => headers({ context: op.context }) }),
        false: httpBatchLink({ url: '/trpc', headers: () => headers(), maxURLLength: 8_000 }),
      }),
    ],
  });
  return { client, call: createTRPCClientProxy(client as never) as ApiProxy };
}
type ApiProxy = ReturnType<typeof createTRPCClientProxy<AppRouter>>;
export type Api = { client: TRPCUntypedClient<AppRouter>; call: ApiProxy };

/** The error the server meant for the caller, with the request id that finds it in the log; undefined when the server was not reached. */
export function toCallError(error: unknown): (AppError & { requestId?: string }) | undefined {
  if (!(error instanceof TRPCClientError)) return undefined;
  const data: unknown = error.data;
  if (typeof data !== 'object' || data === null || !('app' in data)) return undefined;
  const { code, details, requestId } = data.app as { code: ErrorCode; details: ErrorDetails; requestId?: string };
  return Object.assign(new AppError(code, details), requestId ? { requestId } : {});
}
