import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** What a program of the benchmark can be asked over its channel. */
export type Asked = Record<string, (input: never) => unknown>;

/** Another process, asked for one thing after the other. */
export class Program<Answers extends Asked> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: { value: unknown; error?: string }) => void>();
  readonly #ended: Promise<void>;
  #asked = 0;
  #errors = '';

  constructor(file: string, { env = {}, execArgv = [] }: ProgramOptions = {}) {
    this.#child = fork(file, [], {
      cwd: top,
      execArgv: ['--expose-gc', ...execArgv],
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.stdout?.on('data', (text) => (this.#errors += String(text)));
    this.#child.stderr?.on('data', (text) => (this.#errors += String(text)));
    this.#child.on('message', (message) => {
      const { number, ...answer } = message as { number: number; value: unknown; error?: string };
      this.#waiting.get(number)?.(answer);
      this.#waiting.delete(number);
    });
    this.#ended = new Promise((resolve) =>
      this.#child.once('exit', () => {
        for (const settle of this.#waiting.values())
          settle({ value: undefined, error: this.said() });
        resolve();
      }),
    );
  }

  ask<Name extends keyof Answers & string>(
    name: Name,
    input: Parameters<Answers[Name]>[0],
  ): Promise<Awaited<ReturnType<Answers[Name]>>> {
    const number = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, ({ value, error }) => {
        if (error === undefined) resolve(value as Awaited<ReturnType<Answers[Name]>>);
        else reject(new Error(`${name}: ${error}`));
      });
      this.#child.send({ number, name, input });
    });
  }

  /** What it has written; shown when something goes wrong. */
  said(): string {
    return this.#errors.slice(-4_000);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async end(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

interface ProgramOptions {
  env?: Record<string, string>;
  execArgv?: string[];
}

/** The other end: answers what the benchmark asks. Alone it keeps no process alive. */
export function answer(answers: Asked): void {
  process.on('message', (message) => {
    const { number, name, input } = message as { number: number; name: string; input: never };
    void (async () => {
      try {
        process.send?.({ number, value: await answers[name]?.(input) });
      } catch (error) {
        process.send?.({ number, error: error instanceof Error ? error.stack : String(error) });
      }
    })();
  });
  process.on('disconnect', () => process.exit());
}
