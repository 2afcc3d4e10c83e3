import type { Component } from 'svelte';

export type MenuItem =
  | {
      label: string;
      hint?: string;
      icon?: Component<{ size?: number }>;
      isDanger?: boolean;
      isDisabled?: boolean;
      isChecked?: boolean;
      href?: string;
      onSelect?: () => void;
      items?: MenuItem[];
    }
  | { heading: string }
  | { isSeparator: true };
