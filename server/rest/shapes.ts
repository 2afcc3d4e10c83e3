import { minorDigits } from '#lib/shared/money.ts';
import { decimalMoney, type DecimalMoney } from './money.ts';

/** Which columns are money: whole minor units, or exact decimals of a unit. */
export const moneyColumns: Record<string, { minor?: string[]; decimal?: string[] }> = {
  deals: { minor: ['value', 'expectedRevenue'] },
  products: { decimal: ['price'] },
  dealProducts: { decimal: ['unitPrice'] },
};

export const addressColumns = ['street', 'city', 'state', 'country', 'postalCode'];

type Fields = Record<string, unknown>;

/** A record as partners see it: money as `{amount, currency}`, an address in one piece. */
export function presentRecord(entity: string, record: Fields): Fields {
  const { organizationId: _, custom: __, ...fields } = record;
  const { minor = [], decimal = [] } = moneyColumns[entity] ?? {};
  const currency = String(fields['currency'] ?? '');
  const shown = Object.entries(fields).map(([name, value]): [string, unknown] => {
    if (minor.includes(name) && typeof value === 'number')
      return [name, decimalMoney(value, currency)];
    if (decimal.includes(name) && typeof value === 'string')
      return [name, exactMoney(value, currency)];
    if (name === 'stages' && Array.isArray(value)) {
      return [name, value.map((stage: Fields) => presentRecord('stages', stage))];
    }
    return [name, value];
  });
  return entity === 'customers'
    ? withAddress(Object.fromEntries(shown))
    : Object.fromEntries(shown);
}

function withAddress(fields: Fields): Fields {
  const isPart = (name: string) => addressColumns.includes(name);
  const entries = Object.entries(fields);
  return {
    ...Object.fromEntries(entries.filter(([name]) => !isPart(name))),
    address: Object.fromEntries(entries.filter(([name]) => isPart(name))),
  };
}

/** `100.500000` is `100.50`; digits beyond those of the currency stay where they say something. */
function exactMoney(amount: string, currency: string): DecimalMoney {
  const [whole = '0', fraction = ''] = amount.split('.');
  const digits = fraction
    .replace(/0+$/, '')
    .padEnd(/^[A-Z]{3}$/.test(currency) ? minorDigits(currency) : 2, '0');
  return { amount: digits ? `${whole}.${digits}` : whole, currency };
}
