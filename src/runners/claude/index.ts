export { type ClaudeContext, createClaudeRunner } from './runner.js';
export { probeLogin } from './login.js';
export { findClaude, installDir, installedProgram, tokenFile } from './places.js';
export { CLAUDE_PACKAGE, installClaude, runLogin, storeToken } from './setup.js';
