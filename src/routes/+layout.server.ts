import { localeFrom, themeFrom } from '#lib/shared/i18n.ts';

export function load({ cookies, request }) {
  return {
    locale: localeFrom({
      cookie: cookies.get('locale'),
      acceptLanguage: request.headers.get('accept-language'),
    }),
    theme: themeFrom(cookies.get('theme')),
  };
}
