import { defineAct } from '../act-command.js';

export const command = defineAct({
  about: 'Deletes a message. A running task is stopped; what it wrote is kept in .mailboxd/kept/.',
  done: 'deleted',
  example: ['mailboxd delete 0199f3c2', 'delete a message'],
  run: (desk, reference) => desk.delete(reference),
});
