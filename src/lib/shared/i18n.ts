import type { en } from './messages-en.ts';

export const locales = ['en', 'ru'] as const;
export type Locale = (typeof locales)[number];
export const themes = ['light', 'dark', 'system'] as const;
export type Theme = (typeof themes)[number];

export type MessageKey = keyof typeof en;
/** Says the messages of one set: those of the whole app, or of a part that fetches its own. */
export interface TranslateOf<Source> {
  <Key extends keyof Source>(key: Key, ...params: Arguments<Source[Key]>): string;
  knows(key: string): key is keyof Source & string;
}
export type Translate = TranslateOf<typeof en>;

/** The text of a message in one language. A message with plural forms is chosen by `count`. */
export function translator<Source = typeof en>(
  locale: Locale,
  messages: Translated<NoInfer<Source>>,
): TranslateOf<Source> {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(intlLocale(locale));
  const translate = <Key extends keyof Source>(
    key: Key,
    ...rest: Arguments<Source[Key]>
  ): string => {
    const message = messages[key];
    const params: Params = rest[0] ?? {};
    const text = typeof message === 'string' ? message : pluralForm(message, params, plurals);
    return text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = params[name];
      return typeof value === 'number' ? numbers.format(value) : (value ?? '');
    });
  };
  return Object.assign(translate, {
    knows: (key: string): key is keyof Source & string => Object.hasOwn(messages as object, key),
  });
}

export function intlLocale(locale: Locale): string {
  return locale === 'ru' ? 'ru-RU' : 'en-GB';
}

/** The language of the cookie; without one, the first language of the browser that we speak. */
export function localeFrom({
  cookie,
  acceptLanguage,
}: {
  cookie: string | undefined;
  acceptLanguage: string | null | undefined;
}): Locale {
  const chosen = locales.find((locale) => locale === cookie);
  if (chosen) return chosen;
  const wanted = (acceptLanguage ?? '').split(',').map((part) => part.trim().slice(0, 2));
  return wanted.map((tag) => locales.find((locale) => locale === tag)).find(Boolean) ?? 'en';
}

export function themeFrom(cookie: string | undefined): Theme {
  return themes.find((theme) => theme === cookie) ?? 'system';
}

type Params = Record<string, string | number | undefined>;
type Plural = { one?: string; few?: string; many?: string; other: string };
/** The same messages in another language: a text for a text, plural forms for plural forms. */
export type Translated<Source> = {
  [Key in keyof Source]: Source[Key] extends string ? string : Plural;
};
export type Messages = Translated<typeof en>;
type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type ParamsOf<Message> = Message extends string
  ? Record<Names<Message>, string | number>
  : Message extends { other: infer Other }
    ? Record<Names<Other> | 'count', string | number>
    : never;
type Arguments<Message> = keyof ParamsOf<Message> extends never ? [] : [params: ParamsOf<Message>];

function pluralForm(message: Plural, params: Params, plurals: Intl.PluralRules): string {
  const form = plurals.select(Number(params.count));
  return (form in message ? message[form as keyof Plural] : undefined) ?? message.other;
}
