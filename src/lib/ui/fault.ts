import type { ErrorCode, ErrorDetails } from '#lib/shared/errors.ts';
import type { MessageKey, Translate } from '#lib/shared/i18n.ts';

/** The sentence of an error: its reason where the dictionary knows it, else that of its code. */
export function faultText(
  t: Translate,
  error: { code: ErrorCode; details?: ErrorDetails },
): string {
  const reason = `reason.${error.details?.reason ?? ''}`;
  const say: (key: MessageKey, params?: Record<string, string | number>) => string = t;
  return t.knows(reason) ? say(reason, error.details?.params) : say(`fault.${error.code}`);
}
