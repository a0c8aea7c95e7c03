import { defineAct } from '../act-command.js';

export const command = defineAct({
  about: 'Marks a chat as read: it moves to complete/.',
  done: 'acknowledged',
  example: ['mailboxd ack 0199f3c2', 'a chat was read'],
  run: (desk, reference) => desk.ack(reference),
});
