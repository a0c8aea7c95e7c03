// The floor of noticing: watches one folder and tells its parent each name, and nothing else.
import { watch } from 'node:fs';

const now = () => performance.timeOrigin + performance.now();
watch(process.argv[2] ?? '', (_event, name) => process.send?.({ name, at: now() }));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
