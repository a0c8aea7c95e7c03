import { defineCommand } from '../command.js'; export const command = defineCommand({ about: '', examples: [], run: async () => 0 });
