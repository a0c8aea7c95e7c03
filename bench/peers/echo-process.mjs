// The child of the row `command`: reads its prompt, answers, ends.
import { text } from 'node:stream/consumers';

const prompt = await text(process.stdin);
process.stdout.write(`You said: ${prompt.trim()}\n`);
