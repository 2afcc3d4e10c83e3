import { localeFrom, themeFrom } from '#lib/shared/i18n.ts';
import type { LayoutServerLoad } from './$types';

export const load: LayoutServerLoad = ({ cookies, request }) => ({
  locale: localeFrom({
    cookie: cookies.get('locale'),
    acceptLanguage: request.headers.get('accept-language'),
  }),
  theme: themeFrom(cookies.get('theme')),
});
