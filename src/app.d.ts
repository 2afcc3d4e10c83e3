import type { Identity } from '#server/auth/identify.ts';
import type { Person } from '#server/auth/person.ts';
import type { Locale, Theme } from '#lib/shared/i18n.ts';

declare global {
  namespace App {
    interface Error {
      status: number;
      message: string;
      /** Finds the error in the log; people are shown it. */
      requestId?: string;
    }
    interface Locals {
      identity: Identity | undefined;
      person: Person | undefined;
      requestId: string;
      ip: string;
      locale: Locale;
      theme: Theme;
    }
  }
}
