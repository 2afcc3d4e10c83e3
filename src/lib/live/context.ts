import { createContext } from 'svelte';
import type { Live } from './live.svelte.ts';

/** What pages use of the live organization; the past of it has the same. */
export type OpenLive = Pick<Live, keyof Live>;

/** The live organization of the page around a component, or the past of it. */
export const [getLive, setLive] = createContext<OpenLive>();
