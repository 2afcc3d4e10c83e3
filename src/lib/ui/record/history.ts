/** One entry of the log about a record: who did what, and which fields went from what to what. */
export interface Entry {
  place: string;
  at: string;
  actor?: { memberId: string | null; name: string };
  action: 'created' | 'changed' | 'deleted';
  changes: FieldChange[];
}

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
