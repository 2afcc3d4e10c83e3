import type { App } from './app.ts';

export interface Letter {
  to: string;
  subject: string;
  text: string;
  /** The same for every attempt to send it, so that a second one is known as such. */
  messageId?: string;
}

type Parts = Pick<App, 'config' | 'log'>;

/** Whether letters can be sent at all: without SMTP_URL this server has no post. */
export const hasPost = ({ config }: Pick<App, 'config'>): boolean => config.smtpUrl !== undefined;

/**
 * Sends a letter, later than the caller goes on: how long it takes would tell whether there is somebody
 * to write to. What cannot be sent is in the log, without the letter.
 */
export function post(parts: Parts, letter: Letter): void {
  send(parts, letter).catch((error: unknown) =>
    parts.log.error(
      { err: error, to: letter.to, subject: letter.subject },
      'a letter was not sent',
    ),
  );
}

/** Sends a letter now; fails where it cannot be handed over. */
export async function send(
  { config }: Pick<App, 'config'>,
  { to, subject, text, messageId }: Letter,
): Promise<void> {
  const { smtpUrl, mailFrom } = config;
  if (!smtpUrl) throw new Error('SMTP_URL is not set');
  const { createTransport } = await import('nodemailer');
  const transport = createTransport(smtpUrl);
  try {
    await transport.sendMail({
      from: mailFrom,
      to,
      subject,
      text,
      ...(messageId && { messageId }),
    });
  } finally {
    transport.close();
  }
}
