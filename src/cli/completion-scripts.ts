/** What a shell needs to ask us what the Tab key offers (see complete.ts). */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const SCRIPTS: Record<Shell, string> = {
  bash: `_mailboxd() {
  local IFS=$'\\n'
  COMPREPLY=($(mailboxd --get-completions "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _mailboxd mailboxd
`,
  zsh: `#compdef mailboxd
_mailboxd() {
  local -a found
  found=("\${(@f)$(mailboxd --get-completions "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _mailboxd mailboxd
`,
  fish: `complete -c mailboxd -a '(mailboxd --get-completions (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};

export function renderCompletion(shell: Shell): string {
  return SCRIPTS[shell];
}
