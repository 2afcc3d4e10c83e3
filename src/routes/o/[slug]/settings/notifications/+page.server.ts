import { getApp } from '#server/app.ts';
import { hasPost } from '#server/mail.ts';
import type { PageServerLoad } from './$types';

export const load: PageServerLoad = () => ({ hasPost: hasPost(getApp()) });
