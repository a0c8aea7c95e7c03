/**
 * The protocol's rules, each with what it says. A scenario runs with all of them, or with one taken away: then the model
 * must show a trace, or nobody needs the rule.
 */
export const RULES = {
  // Claims
  look_again: 'after winning, fetch main again; give the claim back if the message no longer waits',
  key_without_id: 'a file without id is claimed under a key that every host computes alike from mailbox and file name',
  minted_id_takes_claim_along: 'the push that shows a new id on main moves the claim from the key to the id',
  minted_id_keeps_its_origin: 'a file that gets an id keeps from which file it came, for changes made to that one',
  moved_bare_file_is_held:
    'a file without id, moved while it was claimed, is known by its content and waits for that claim',
  take_over_by_compare_and_swap: 'a claim is taken over only as the very object that was watched',
  epoch_grows: 'each claim of a message has a higher epoch than the last',
  epoch_from_what_was_seen:
    'when the look again finds a later epoch than the claim was made from, the claim is made anew before the run',
  // Leases (the clocks behind them are in time.ts)
  check_lease_before_spawn: 'the lease is checked immediately before the run starts',
  stop_at_lease_end: 'a run is stopped when its lease ends',
  lease_from_accepted_push: 'a lease counts from before its last accepted push was sent, not from one that is in doubt',
  renewal_new_nonce: 'a renewal is a new object: a ref that stays the same is neither sent nor checked',
  // Publishing
  fence: 'a result goes to main in one push with the deletion of the own claim',
  fenced_in_progress: 'in_progress is shown on main only in one push with a claim or its renewal',
  build_on_published_tip: 'a push is built from the published tip and its own change: no refused result rides on it',
  done_never_expires: 'a done claim is never taken over',
  fold_releases_with_main: 'folding deletes the done claims in the push that publishes them',
  // Deciding
  decide_by_reading: 'after a refusal or a lost answer, fetch and decide by what is there',
  journal_before_push: 'every object id is written to disk before it is pushed',
  folded_result_is_known:
    'a result counts as published if main has ever held its run: another host may have folded the done claim',
  second_look_before_lost: 'a fetch that found the claim gone may have read main before that: look once more',
  in_progress_without_claim_waits: 'what main shows in in_progress, and nobody claims, is waiting',
  // Merging
  person_place_stands: 'where a person has put a message meanwhile, it stays',
  edit_kept_as_follow_up: 'what a person has written meanwhile is kept with the result',
  deleted_result_kept: 'a result whose message was deleted meanwhile is kept as a message',
  clash_keeps_both: 'two messages of one name become two files',
  clash_rename_is_no_move: 'a name that changed in a clash is no move by a person',
  rebuild_when_refused: "a person's local change, refused, is built again upon what main has now",
} as const;

export type Rule = keyof typeof RULES;
export type Rules = Readonly<Record<Rule, boolean>>;

export const RULE_NAMES = Object.keys(RULES) as Rule[];

/** All rules, but for those named. */
export function rulesWithout(...off: readonly Rule[]): Rules {
  return Object.fromEntries(RULE_NAMES.map((name) => [name, !off.includes(name)])) as Record<Rule, boolean>;
}
