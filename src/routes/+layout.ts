import { messagesOf } from '#lib/shared/messages.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ data }) => ({
  ...data,
  messages: await messagesOf(data.locale),
});
