import { getApp } from '../app.ts';
import { appRouter } from '../router.ts';

/** Calls procedures for the person who looks at a page, outside of any organization. */
export function callAs({ locals: { identity, ip, requestId } }: { locals: App.Locals }) {
  const app = getApp();
  const context = { app, identity, ip, requestId, member: undefined, mutationId: undefined };
  return appRouter.createCaller(context);
}
