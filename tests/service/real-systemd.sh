#!/bin/bash
# By hand, as root, on Linux with systemd installed but not necessarily running (a container will do):
#   npm run build && tests/service/real-systemd.sh
# Starts a real systemd user manager in namespaces of its own and has it run what `service install` writes, with a
# small program in the daemon's place. Shows: ready only when it says so; a hung loop and a stuck pass are restarted by
# the watchdog; exit 64 is not restarted; uninstall leaves nothing.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ "${1:-}" != inside ]; then exec unshare -mp --fork --mount-proc "$0" inside; fi

mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0 /run/try/home "/run/try/50% root/mailboxes"
chmod 700 /run/user/0
cd /run/try
cat > daemon.mjs <<JS
import { appendFileSync, existsSync } from 'node:fs';
import { createNotifier } from '$here/dist/service/notify.js';
const say = (text) => appendFileSync('/run/try/journal', process.pid + ' ' + text + '\n');
say('started ' + process.argv.slice(2).join(' ') + ' key=' + process.env.TRY_KEY);
if (existsSync('/run/try/bad-config')) process.exit(64);
const notifier = createNotifier(process.env, { isHealthy: () => !existsSync('/run/try/stuck'), onProblem: say });
setTimeout(() => notifier.ready('serving'), 1000);
setInterval(() => { if (existsSync('/run/try/hang')) for (;;); }, 100);
process.on('SIGTERM', async () => { notifier.stopping('draining'); await notifier.close(); say('drained'); process.exit(0); });
JS
cat > command.mjs <<JS
import { serviceCommand } from '$here/dist/service/service-command.js';
try {
  const { text } = await serviceCommand(process.argv[2], { root: '/run/try/50% root', main: '/run/try/daemon.mjs' });
  console.log(text);
} catch (error) { console.log('FAILED', error.message, '|', error.hint); process.exitCode = 1; }
JS
export HOME=/run/try/home XDG_RUNTIME_DIR=/run/user/0 USER=root
run() { env -i PATH="$PATH" HOME=$HOME XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR USER=root "$@"; }
command() { run node command.mjs "$1"; }
await() { for _ in $(seq 300); do if eval "$1"; then return 0; fi; sleep 0.1; done; echo "IN VAIN: $1"; cat journal; exit 1; }
restarts() { run systemctl --user show "$unit" --property=NRestarts --value; }

echo '== no session: refused'; command install && exit 1
run /lib/systemd/systemd --user 2>/dev/null & manager=$!
await 'run systemctl --user show-environment >/dev/null 2>&1'
mkdir -p home/.config/mailboxd
unit=$(run node -e "import('$here/dist/service/spec.js').then((s) => console.log(s.serviceName('/run/try/50% root') + '.service'))")
echo 'TRY_KEY=from-the-file' > "home/.config/mailboxd/${unit%.service}.env"
# A short watchdog, as a person would set it, to see it bite.
mkdir -p "home/.config/systemd/user/$unit.d"
printf '[Service]\nWatchdogSec=2\nRestartSec=0\n' > "home/.config/systemd/user/$unit.d/short.conf"

echo '== install'; command install; command status
grep -q 'start --root /run/try/50% root key=from-the-file' journal
[ "$(restarts)" = 0 ]; sleep 5; [ "$(restarts)" = 0 ]; echo 'beats keep it alive past two watchdog times: yes'
echo '== a hung loop'; touch hang; await '[ "$(restarts)" -ge 1 ]'; rm hang; await 'command status | grep -q "serving"'; command status
n=$(restarts)
echo '== a stuck pass'; touch stuck; await '[ "$(restarts)" -gt '"$n"' ]'; rm stuck; await 'command status | grep -q "serving"'
echo '== a configuration error'; touch bad-config; n=$(grep -c started journal); command install && run systemctl --user restart "$unit" && exit 1
sleep 3; [ "$(grep -c started journal)" = $((n + 1)) ]; echo 'started once and not again: yes'; command status; rm bad-config
echo '== stop and uninstall'; command install; command uninstall; tail -1 journal | grep drained
command status | grep 'not installed'; [ -z "$(find home/.config/systemd/user -name "*.service")" ]
kill "$manager"; wait "$manager" 2>/dev/null || true
echo 'ALL WELL'
