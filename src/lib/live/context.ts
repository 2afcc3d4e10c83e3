import { createContext } from 'svelte';
import type { Live } from './live.svelte.ts';

/** The live organization of the page around a component. */
export const [getLive, setLive] = createContext<Live>();
