/** A changed field, as the timeline has it. */
export interface FieldChange {
  field: string;
  from?: unknown;
  to?: unknown;
}

/** A note, as it stands among the changes. */
export interface Said {
  id: string;
  title: string;
  body: string;
  mentions: readonly string[];
  createdAt: number;
  createdBy: string | null;
  ownerId: string | null;
  teamId: string | null;
}

/** A changed field in words. */
export interface ReadableField {
  label: string;
  from: string;
  to: string;
}
