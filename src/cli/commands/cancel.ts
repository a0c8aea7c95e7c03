import { defineAct } from '../act-command.js';

export const command = defineAct({
  about: 'Takes back a waiting task, or stops a running one; either way it ends in failed/ as cancelled.',
  done: 'cancelled',
  example: ['mailboxd cancel 0199f3c2', 'stop a task'],
  run: (desk, reference) => desk.cancel(reference),
});
