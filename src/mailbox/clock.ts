import { randomUUID } from 'node:crypto';
import { v7 } from 'uuid';
import type { Clock } from '../core/clock.js';

export const systemClock: Clock = { now: () => Date.now(), newId: () => v7(), newSession: () => randomUUID() };
