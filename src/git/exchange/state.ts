/** What the parts of one exchange share. */
import type { Instant } from '../../core/lease.js';
import type { GitClaim } from '../claim-commit.js';
import type { HeldClaims, HeldState } from '../held.js';
import type { Remote } from '../remote.js';
import type { RemoteView } from '../remote-refs.js';
import type { Repository } from '../repository.js';
import type { WorkingTree } from '../working-tree.js';

export interface ExchangeSettings {
  host: string;
  /** ms. */
  lease: number;
}

/** A claim seen on the remote that this host does not hold. */
export interface SeenClaim {
  oid: string;
  claim: GitClaim;
  /** When this object was first seen, by this process. */
  since: Instant;
  /** It is none, or its result cannot be folded here; that has been told. */
  unusable?: boolean;
}

export interface ExchangeState {
  repository: Repository;
  remote: Remote;
  held: HeldClaims;
  working: WorkingTree;
  settings: ExchangeSettings;
  hooks: ExchangeHooks;
  instant(): Instant;
  newId(): string;
  /** The remote as it was last read, with what this host changed there since. */
  view: RemoteView;
  /** By key. */
  seen: Map<string, SeenClaim>;
  /** The tree that the working folders were last in line with; undefined: nothing yet. */
  base: string | undefined;
  /** A file is still being written: look again after so many ms. */
  again: number | undefined;
  /** A commit of the person's branch that is known to be on main. */
  behind: string | undefined;
  /** The time of the reflog when the exchange last moved HEAD. */
  headLog: bigint;
  /** Pushes to main whose end is not known (pending.ts). */
  pending: Pending[];
  /** Files that were not published as they are, with the reason. */
  withheld: Map<string, string>;
  /** Races for main that were lost lately; each push that lands takes one away, each quiet round half. */
  contention: number;
}

/** A push to main whose end is not known. */
export interface Pending {
  commit: string;
  /** What main had to be for it. */
  from: string | null;
  /** What the folders had: path → blob; null: no file. */
  carried: [string, string | null][];
}

export type ExchangeEvent =
  | { type: 'published'; messages: number; commit: string; title: string }
  | { type: 'arrived'; files: number }
  | { type: 'lost'; id: string; path: string; reason: string; kept?: string }
  | { type: 'taken over'; id: string; path: string; from: string }
  | { type: 'trouble'; message: string; hint?: string };

export interface ExchangeHooks {
  onEvent(event: ExchangeEvent): void;
  /** Files came, changed or went in the working folders; paths are relative to the root. */
  onApplied(paths: readonly string[]): void;
  /** A message that is run here is no longer this host's to run: it must stop. */
  onLost(held: HeldState, reason: string): void;
  /** A person moved or deleted, on main, a message that is run here. */
  onMoved(held: HeldState): void;
  /**
   * Why a waiting file that is new here is not to be published as it is; undefined: it is. `before`: what the same
   * message looked like on main, where it was there.
   */
  withhold(path: string, bytes: Buffer, before: readonly Buffer[]): string | undefined;
}

export function treeOf(state: ExchangeState, commit: string | undefined): Promise<string> | undefined {
  return commit === undefined ? undefined : state.repository.objects.readCommit(commit).then(({ tree }) => tree);
}

/** The picture of the remote with some refs changed by this host. */
export function withRefs(view: RemoteView, changes: Iterable<readonly [string, string | undefined]>): RemoteView {
  const refs = new Map(view.refs);
  for (const [name, oid] of changes) {
    if (oid === undefined) refs.delete(name);
    else refs.set(name, oid);
  }
  return { ...view, refs };
}
