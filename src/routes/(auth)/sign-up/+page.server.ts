import { redirect } from '@sveltejs/kit';
import { z } from 'zod/mini';
import * as field from '#lib/shared/fields.ts';
import { getApp } from '#server/app.ts';
import { refused, signInBrowser } from '#server/auth/forms.ts';
import { callAs } from '#server/auth/page-caller.ts';
import { signUp } from '#server/auth/sign-up.ts';
import { askToVerify } from '#server/auth/verify-email.ts';
import type { Actions, PageServerLoad } from './$types';

const account = z.object({
  name: field.name(),
  organization: field.name(),
  email: z.string().check(z.trim(), z.maxLength(200), z.email()),
  password: z.string().check(z.maxLength(500)),
  timeZone: z.optional(z.string()),
});

export const load: PageServerLoad = ({ locals }) => ({ email: locals.person?.email });

export const actions: Actions = {
  default: async (event) => {
    const { locals, request } = event;
    const app = getApp();
    const typed = Object.fromEntries(await request.formData());
    const { password: _, ...kept } = typed;
    let slug: string;
    try {
      if (locals.person) {
        const name = field.name().parse(typed['organization']);
        const { locale } = locals;
        const made = await callAs(event).organizations.create({ name, locale, ...zoneOf(typed) });
        slug = made.data.slug;
      } else {
        const { organization, ...given } = account.parse(typed);
        const { ip, locale } = locals;
        const made = await signUp(app, {
          ...given,
          locale,
          ip,
          organization: { name: organization, ...zoneOf(typed) },
        });
        await signInBrowser(app, event, { userId: made.userId, email: given.email });
        await askToVerify(app, made.userId);
        slug = made.slug;
      }
    } catch (error) {
      return refused(error, { typed: kept as Record<string, string> });
    }
    redirect(303, `/o/${slug}/deals`);
  },
};

function zoneOf({ timeZone }: Record<string, unknown>): { timeZone?: string } {
  const known = Intl.supportedValuesOf('timeZone').find((zone) => zone === timeZone);
  return known ? { timeZone: known } : {};
}
