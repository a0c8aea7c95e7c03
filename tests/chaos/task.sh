#!/bin/sh
# What the workers run (runner: command). Each line it writes to $EFFECTS is an effect on the world: that it began, that
# it is still at it, that it came to its end. `work: N` in the prompt is how many tenths of a second it takes, `refuse: N`
# that the first N epochs end in error.
say() { echo "$1 $MAILBOXD_ID $MAILBOXD_EPOCH $CHAOS_HOST $(date +%s%3N) $$" >>"$EFFECTS"; }
say start
text=$(cat)
left=$(printf '%s\n' "$text" | sed -n 's/^work: \([0-9]*\)$/\1/p' | head -1)
refuse=$(printf '%s\n' "$text" | sed -n 's/^refuse: \([0-9]*\)$/\1/p' | head -1)
: "${left:=3}" "${refuse:=0}"
while [ "$left" -gt 0 ]; do
  sleep 0.1
  left=$((left - 1))
  [ $((left % 3)) -eq 0 ] && say beat && echo "still at it, $left to go"
done
say end
[ "$MAILBOXD_EPOCH" -le "$refuse" ] && { echo "not this time" >&2; exit 1; }
echo "done by $CHAOS_HOST"
