/** A request past a bound: what was asked, what is allowed, and the key of `config.yaml` that would allow it. */

export interface PolicyError {
  code: 'refused';
  message: string;
  hint: string;
}

export interface Refusal {
  /** `options.model "opus"`. */
  asked: string;
  /** `only the runner's own default`. */
  allowed: string;
  /** `allow.models`; undefined where no setting would allow it. */
  key?: string;
  /** Whether the message would do without it. */
  optional: boolean;
}

/** One error for all refusals, so that one look mends them all. */
export function refuse(refusals: readonly Refusal[], host: string): PolicyError {
  const keys = [...new Set(refusals.flatMap(({ key }) => key ?? []))];
  const steps = [
    ...(refusals.every(({ optional }) => optional) ? ['ask for less'] : []),
    ...(keys.length > 0 ? [`have ${keys.join(', ')} widened in .mailboxd/config.yaml on ${host}`] : []),
  ];
  return {
    code: 'refused',
    message: refusals.map(({ asked, allowed }) => `asked for ${asked}, allowed: ${allowed}`).join('; '),
    hint: steps.join(', or '),
  };
}

/** A value from a message, cut for the reason it ends up in. */
export function quote(value: string): string {
  return JSON.stringify(value.length <= 80 ? value : `${value.slice(0, 79)}…`);
}

/** A list of what is allowed; `none` when it is empty. */
export function listAllowed(values: readonly string[], none: string): string {
  if (values.length === 0) return none;
  const shown = values.slice(0, 10).join(', ');
  return values.length > 10 ? `${shown} and ${values.length - 10} more` : shown;
}
