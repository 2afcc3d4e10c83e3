import { translator, type Locale } from '#lib/shared/i18n.ts';
import { messagesOf } from '#lib/shared/messages.ts';
import type { App } from '../app.ts';
import { post } from '../mail.ts';
import { makeLink, type LinkOwner } from './account-links.ts';

type Parts = Pick<App, 'config' | 'db' | 'log'>;
type Addressee = LinkOwner & { name: string; locale: Locale };

export async function sendResetLink(parts: Parts, to: Addressee): Promise<void> {
  const link = addressOf(
    parts,
    `/reset-password/${await makeLink(parts, { ...to, purpose: 'reset' })}`,
  );
  const t = translator(to.locale, await messagesOf(to.locale));
  const text = t('mail.resetText', { name: to.name, link });
  post(parts, { to: to.email, subject: t('mail.resetSubject'), text });
}

export async function sendVerifyLink(parts: Parts, to: Addressee): Promise<void> {
  const link = addressOf(
    parts,
    `/verify-email/${await makeLink(parts, { ...to, purpose: 'verify' })}`,
  );
  const t = translator(to.locale, await messagesOf(to.locale));
  const text = t('mail.verifyText', { name: to.name, link });
  post(parts, { to: to.email, subject: t('mail.verifySubject'), text });
}

// Never from the request, whose Host anybody can write: config.ts wants PUBLIC_URL beside SMTP_URL.
const addressOf = ({ config }: Parts, path: string): string => `${config.publicUrl ?? ''}${path}`;
