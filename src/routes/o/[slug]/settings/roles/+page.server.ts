import { permissions } from '#server/access.ts';
import type { PageServerLoad } from './$types';

/** Which rights there are, and which of them tell records apart by whose they are. */
export const load: PageServerLoad = () => ({
  rights: permissions.map((permission) => ({ permission, isOwned: isOwned(permission) })),
});

const isOwned = (permission: string): boolean =>
  /^(deals|customers|activities)\.(?!create)/.test(permission);
