/** The cookie with the address of the organization that was looked at last. */
export const lastOrganization = 'organization';
