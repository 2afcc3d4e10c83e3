/** What a person typed as an exact decimal (`1 200,50` is `1200.50`); blank is null. */
export function decimalOf(text: string): string | null {
  const bare = text.replace(/[\s\u00A0\u202F]/g, '').replace(',', '.');
  return bare === '' ? null : bare;
}

/** A decimal as a person reads it, without zeros that say nothing. */
export function decimalText(value: string | null, locale: string): string {
  if (value === null) return '';
  const short = value.includes('.') ? value.replace(/\.?0+$/, '') : value;
  return locale === 'ru' ? short.replace('.', ',') : short;
}
