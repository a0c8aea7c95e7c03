export { type ClaudeContext, createClaudeRunner } from './runner.js';
export { claudeEnvironment } from './environment.js';
export { probeLogin, versionOfClaude } from './login.js';
export { findClaude, installDir, tokenFile } from './places.js';
export { installClaude, runLogin, storeToken } from './setup.js';
