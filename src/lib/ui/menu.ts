import type { Component } from 'svelte';

export type MenuItem =
  | {
      label: string;
      hint?: string;
      icon?: Component<{ size?: number }>;
      isDanger?: boolean;
      isDisabled?: boolean;
      isChecked?: boolean;
      /** The menu stays open: more may be chosen in it. */
      isLasting?: boolean;
      href?: string;
      /** The link leaves what is kept in the page: it is loaded anew. */
      isReload?: boolean;
      onSelect?: () => void;
      items?: MenuItem[];
    }
  | { heading: string }
  | { isSeparator: true };
