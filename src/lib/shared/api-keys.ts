/** What a key may be good for, as people choose it: looking at a resource, or changing it as well. */
export const keyScopes = {
  directory: { look: ['directory.view'], edit: [] },
  deals: { look: ['deals.view'], edit: ['deals.create', 'deals.edit', 'deals.delete'] },
  customers: {
    look: ['customers.view'],
    edit: ['customers.create', 'customers.edit', 'customers.delete'],
  },
  activities: {
    look: ['activities.view'],
    edit: ['activities.create', 'activities.edit', 'activities.delete'],
  },
  products: {
    look: ['products.view'],
    edit: ['products.create', 'products.edit', 'products.delete'],
  },
  pipelines: { look: [], edit: ['pipelines.manage'] },
  members: { look: [], edit: ['members.manage'] },
  roles: { look: [], edit: ['roles.manage'] },
  organization: { look: [], edit: ['organization.manage'] },
} as const;

export type KeyResource = keyof typeof keyScopes;
export type KeyScope = (typeof keyScopes)[KeyResource]['look' | 'edit'][number];

export const keyResources = Object.keys(keyScopes) as KeyResource[];
export const scopesOf = (resource: KeyResource): { look: KeyScope[]; edit: KeyScope[] } => ({
  look: [...keyScopes[resource].look],
  edit: [...keyScopes[resource].edit],
});
export const everyScope: KeyScope[] = keyResources.flatMap((resource) => {
  const { look, edit } = scopesOf(resource);
  return [...look, ...edit];
});
