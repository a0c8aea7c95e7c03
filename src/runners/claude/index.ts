export { type ClaudeContext, createClaudeRunner } from './runner.js';
export { probeLogin } from './login.js';
export { findClaude, installDir, tokenFile } from './places.js';
export { installClaude, runLogin, storeToken } from './setup.js';
