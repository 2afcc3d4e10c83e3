import { getContext, setContext } from 'svelte';
import { clock, dayIn, fullDay, longDay, shortDay } from '#lib/shared/dates.ts';
import {
  intlLocale,
  translator,
  type Locale,
  type Messages,
  type Translate,
} from '#lib/shared/i18n.ts';
import { moneyParts, moneyText, type Money } from '#lib/shared/money.ts';

const key = Symbol('words');

/** The language of the page with everything that depends on it. Reactive. */
export class Words {
  readonly #locale: () => Locale;
  readonly #messages: () => Messages;
  readonly #timeZone: () => string;
  readonly #now: () => Date;
  #day = $state<string>();
  #minute = $state<number>();

  constructor({
    locale,
    messages,
    timeZone,
    now = () => new Date(),
  }: {
    locale: () => Locale;
    messages: () => Messages;
    timeZone: () => string;
    /** Another moment than this one. */
    now?: () => Date;
  }) {
    this.#locale = locale;
    this.#messages = messages;
    this.#timeZone = timeZone;
    this.#now = now;
  }

  readonly #translate = $derived.by(() => translator(this.#locale(), this.#messages()));

  /** The same words at another moment. */
  at(now: () => Date): Words {
    const [locale, messages, timeZone] = [this.#locale, this.#messages, this.#timeZone];
    return new Words({ locale, messages, timeZone, now });
  }

  get locale(): Locale {
    return this.#locale();
  }
  get timeZone(): string {
    return this.#timeZone();
  }
  get t(): Translate {
    return this.#translate;
  }
  get today(): string {
    return this.#day ?? dayIn(this.timeZone, this.#now());
  }
  /** In milliseconds since 1970, to the minute. */
  get now(): number {
    return this.#minute ?? this.#now().getTime();
  }
  /** Keeps `now` and `today` true in a page that stays open. */
  watchClock(): () => void {
    const look = () => {
      this.#day = dayIn(this.timeZone, new Date());
      this.#minute = Math.floor(Date.now() / 60_000) * 60_000;
    };
    look();
    const timer = setInterval(look, 20_000);
    return () => clearInterval(timer);
  }
  money(money: Money): string {
    return moneyText(money, { locale: this.locale });
  }
  compactMoney(money: Money): string {
    return moneyText(money, { locale: this.locale, isCompact: true });
  }
  number(value: number): string {
    return value.toLocaleString(intlLocale(this.locale));
  }
  currencySign(currency: string): string {
    const { lead, tail } = moneyParts({ value: 100, currency }, { locale: this.locale });
    return (lead + tail).trim();
  }
  percent(value: number): string {
    return this.locale === 'ru' ? `${value}\u00A0%` : `${value}%`;
  }
  moneyParts(money: Money, isCompact: boolean) {
    return moneyParts(money, { locale: this.locale, isCompact });
  }
  shortDay(day: string): string {
    return shortDay(day, { locale: this.locale, today: this.today });
  }
  fullDay(day: string): string {
    return fullDay(day, this.locale);
  }
  longDay(day: string): string {
    return longDay(day, { locale: this.locale, today: this.today });
  }
  clock(at: Date): string {
    return clock(at, { locale: this.locale, timeZone: this.timeZone });
  }
  dayOf(at: Date): string {
    return dayIn(this.timeZone, at);
  }
}

/** Set once in the root layout, and again below it where the organization's zone is known. */
export function setWords(words: Words): Words {
  return setContext(key, words);
}

export function getWords(): Words {
  return getContext<Words>(key);
}
