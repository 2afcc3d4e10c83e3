const browsers = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['YaBrowser/', 'Yandex'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;
const systems = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
] as const;

/** «Firefox, Windows» of what a browser says of itself; blank when it says nothing known. */
export function deviceName(userAgent: string | null): string {
  const [browser, system] = [browsers, systems].map(
    (list) => list.find(([sign]) => userAgent?.includes(sign))?.[1],
  );
  return [browser, system].filter(Boolean).join(', ');
}
