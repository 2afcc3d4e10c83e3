import type { authEn } from './messages-auth-en.ts';
import type { Translated } from './i18n.ts';

export const authRu: Translated<typeof authEn> = {};
