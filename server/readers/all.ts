import { notifications } from '../notifications/reader.ts';
import { history } from './history.ts';
import type { Reader } from './reader.ts';

/** All readers of the change log; a node with the role `jobs` keeps them current. */
export const readers: readonly Reader[] = [history, notifications];
