import { defineAct } from '../act-command.js';

export const command = defineAct({
  about: 'Moves a message that has ended, or is running, back to the inbox, where it is run again from its own text.',
  done: 'back in the inbox',
  example: ['mailboxd retry 0199f3c2', 'run it again'],
  run: (desk, reference) => desk.retry(reference),
});
