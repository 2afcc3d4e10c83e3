import { z } from 'zod/mini';
import { isRank } from './rank.ts';

/** Fields that inputs are made of. Text that Postgres cannot keep (NUL, lone surrogates) is refused here. */
const isStorable = (value: string): boolean => !value.includes('\0') && value.isWellFormed();
const storable = z.refine<string>(isStorable, 'unreadableText');

export const id = z.uuid();
/** Text that must say something; spaces around it are cut. */
export const name = (most = 200) =>
  z.string().check(z.trim(), z.minLength(1), z.maxLength(most), storable);
/** Text that may be empty. */
export const text = (most = 10_000) => z.string().check(z.maxLength(most), storable);
export const maybeText = (most = 200) =>
  z.nullable(z.string().check(z.trim(), z.maxLength(most), storable));
export const tags = z.array(name(50)).check(z.maxLength(20));
export const currency = z.string().check(z.regex(/^[A-Z]{3}$/));
export const day = z.iso.date();
/** Whole minor units; at most so many that the sum of thousands still fits a double exactly. */
export const amount = z.int().check(z.minimum(0), z.maximum(1_000_000_000_000));
export const percent = z.int().check(z.minimum(0), z.maximum(100));
/** A fractional index, as rankBetween makes them. */
export const rank = z
  .string()
  .check(z.minLength(2), z.maxLength(200), z.refine<string>(isRank, 'notARank'));
/** Milliseconds since 1970. */
export const moment = z.int().check(z.minimum(0), z.maximum(253_402_300_799_999));

/** As search compares: case-blind, accent-blind, е = ё. crm.plain_text in the database does the same. */
export function plainText(words: string): string {
  return words
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '');
}
