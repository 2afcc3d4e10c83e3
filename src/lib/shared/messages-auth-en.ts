/** Texts of sign-in, sign-up, invitations and settings. */
export const authEn = {} as const;
