/** node:timers/promises by the clock of the run. */
export { sleep as setTimeout };

const sleep = (delay: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, delay));
