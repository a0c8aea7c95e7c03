/** One file as one side has it. */
export interface FileVersion {
  /** From the top of the tree, with `/`. */
  path: string;
  /** Git's blob id of the bytes, in hex: equal ids are equal bytes. */
  oid: string;
  bytes: Uint8Array;
  /** The message id in the front matter, when there is one. */
  id?: string;
}

/** What one side changed of one message or file since the common base: no `before` is new, no `after` is deleted. */
export interface Change {
  before?: FileVersion;
  after?: FileVersion;
}

/** What a merge decided where both sides had a say; for the log. Paths are those before, then those after. */
export interface MergeNote {
  kind:
    | 'text-merged' // both edited, in different lines
    | 'kept-both' // both edited the same lines: two files
    | 'renamed' // the name was taken
    | 'moved-apart' // both moved it, to different places: one was chosen
    | 'deleted' // deleted here, at most moved there
    | 'kept-deleted' // deleted here, new content or a person's move there
    | 'follow-up' // edited while it ran: the edit is a message of its own
    | 'appended' // moved by a person while it ran: the run is appended there
    | 'restored'; // deleted while it ran: the result is kept
  paths: string[];
}

export interface MergeResult {
  /** What must change in the tree: path → new content, undefined: removed. `path` of the content is the key. */
  edits: Map<string, FileVersion | undefined>;
  notes: MergeNote[];
}
