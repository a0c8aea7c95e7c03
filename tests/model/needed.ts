/** For each rule a scenario in which its absence shows. Without these traces a rule would be ceremony. */
import type { Rule } from './rules.js';
import type { SCENARIOS } from './scenarios.js';
import type { ClockRule, Clocks } from './time.js';

export const NEEDED: Readonly<Record<Rule, keyof typeof SCENARIOS>> = {
  look_again: 'sameName',
  key_without_id: 'bareLease',
  minted_id_takes_claim_along: 'bareLease',
  minted_id_keeps_its_origin: 'bareLocal',
  moved_bare_file_is_held: 'bare',
  take_over_by_compare_and_swap: 'race',
  epoch_grows: 'attempts',
  epoch_from_what_was_seen: 'attempts',
  check_lease_before_spawn: 'race',
  stop_at_lease_end: 'race',
  lease_from_accepted_push: 'unheardAnew',
  renewal_new_nonce: 'shown',
  fence: 'race',
  fenced_in_progress: 'unheardShown',
  build_on_published_tip: 'race',
  done_never_expires: 'race',
  fold_releases_with_main: 'people',
  decide_by_reading: 'twoMessages',
  journal_before_push: 'deliveredBare',
  folded_result_is_known: 'unheard',
  second_look_before_lost: 'torn',
  in_progress_without_claim_waits: 'shown',
  person_place_stands: 'people',
  edit_kept_as_follow_up: 'people',
  deleted_result_kept: 'people',
  clash_keeps_both: 'sameName',
  clash_rename_is_no_move: 'bare',
  rebuild_when_refused: 'local',
};

/** The same for the rules about clocks. */
export const CLOCKS_NEEDED: Readonly<Record<ClockRule, Clocks>> = {
  watch_same_object: { skew: 3 },
  larger_of_two_clocks: { sleep: true, noBootClock: true },
  boot_clock_too: { sleep: true, setBack: true },
  count_from_before_send: { slow: true },
  margin: { drift: true },
};
