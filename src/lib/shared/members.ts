import { z } from 'zod/mini';
import { defineChange } from './change.ts';

/** What a card may show beside its title, its flag and its amount, which always stand. */
export const cardFields = ['customer', 'tags', 'activity', 'owner', 'closing', 'days'] as const;
export type CardField = (typeof cardFields)[number];

/** What I want to see on the cards of the board, on whatever machine I sit. */
export const chooseCardFields = defineChange({
  name: 'members.chooseCardFields',
  input: z.strictObject({ fields: z.array(z.enum(cardFields)).check(z.maxLength(6)) }),
  apply(rows, { fields }, { memberId }) {
    rows.patch('members', memberId, { cardFields: fields });
  },
});
