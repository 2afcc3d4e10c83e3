/** FULL=1 asks for the numbers that a shared machine has no time for. */
export const isFull = process.env.FULL === '1';

/** A figure for the one who runs the tests; none of them depends on it. */
export function say(figure: string): void {
  process.stdout.write(`${figure}\n`);
}
