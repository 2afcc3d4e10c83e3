import { minorDigits } from '#lib/shared/money.ts';

export interface DecimalMoney {
  amount: string;
  currency: string;
}

/** `120050` of RUB is `{amount: '1200.50', currency: 'RUB'}`. */
export function decimalMoney(minor: number, currency: string): DecimalMoney {
  const digits = digitsOf(currency);
  const text = String(Math.abs(minor)).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = digits === 0 ? '' : `.${text.slice(-digits)}`;
  return { amount: `${minor < 0 ? '-' : ''}${whole}${fraction}`, currency };
}

/** Minor units of a decimal; undefined when it is none, or finer than the currency. */
export function minorUnits(amount: unknown, currency: string): number | undefined {
  const text = typeof amount === 'number' ? String(amount) : amount;
  const parts = typeof text === 'string' ? /^(\d{1,15})(?:\.(\d{1,10}))?$/.exec(text.trim()) : null;
  if (!parts) return undefined;
  const digits = digitsOf(currency);
  const fraction = (parts[2] ?? '').replace(/0+$/, '');
  if (fraction.length > digits) return undefined;
  const minor = Number((parts[1] ?? '') + fraction.padEnd(digits, '0'));
  return Number.isSafeInteger(minor) ? minor : undefined;
}

const digitsOf = (currency: string): number =>
  /^[A-Z]{3}$/.test(currency) ? minorDigits(currency) : 2;
