const states = ['40001', '40P01', '25P03', '55P03', '57014'];
/** Connection, resources, an operator's intervention. */
const classes = ['08', '53', '57'];

/** Whether the same may well succeed when it is tried again: nothing is wrong with what was read. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^[0-9A-Z]{5}$/.test(code)) {
    const isStale = code === '0A000' && error.message.startsWith('cached plan');
    return isStale || states.includes(code) || classes.includes(code.slice(0, 2));
  }
  return code !== '' || /connection|terminated|timeout/i.test(error.message);
}
