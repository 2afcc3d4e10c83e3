import type { MeNow } from '#lib/live/me.ts';
import type { ToldTogether } from '#lib/shared/history.ts';

const managed: Record<string, string> = {
  dealProducts: 'deals.edit',
  pipelines: 'pipelines.manage',
  stages: 'pipelines.manage',
  lostReasons: 'pipelines.manage',
  members: 'members.manage',
  teams: 'members.manage',
  roles: 'roles.manage',
  organizations: 'organization.manage',
  exchangeRates: 'organization.manage',
};
const never = new Set<string>(['invitations', 'apiKeys']);
const mostDays = 30;

/** Whether an undo is worth offering; the server looks at each record when it is asked for. */
export function mayUndo(me: MeNow, { newest: { entity, action, at } }: ToldTogether): boolean {
  if (Date.now() - Date.parse(at) > mostDays * 86_400_000 || never.has(entity)) return false;
  return me.can(managed[entity] ?? `${entity}.${action === 'changed' ? 'edit' : 'delete'}`);
}
