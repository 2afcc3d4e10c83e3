import { day } from './moments.ts';

/** Pictures from where it begins to now, and the least time that each is shown, in milliseconds. */
const pictures = 60;
const shownFor = 600;

interface Stage {
  at: () => Date;
  /** The picture is not there yet. */
  isBusy: () => boolean;
  onMove: (at: Date) => void;
}

/** Walks from a moment to now, picture by picture, none before the last one is there. */
export class Film {
  readonly #stage: Stage;
  #timer: ReturnType<typeof setInterval> | undefined;
  isRunning = $state(false);

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  start(): void {
    this.stop();
    this.isRunning = true;
    let step = 0;
    this.#timer = setInterval(() => {
      if (this.#stage.isBusy()) return;
      const now = Date.now();
      const at = this.#stage.at().getTime();
      step ||= Math.max((now - at) / pictures, day / 96);
      if (at >= now - step / 2) return this.stop();
      this.#stage.onMove(new Date(Math.min(now, at + step)));
    }, shownFor);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.isRunning = false;
  }
}
