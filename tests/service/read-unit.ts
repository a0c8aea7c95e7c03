/** Reads a unit as systemd.syntax(7) says, for checks on machines that have no systemd, and of more paths than it can be asked. */

/** The values of one setting, as they stand. */
export function settingsOf(unit: string, name: string): string[] {
  const joined = unit
    .split('\n')
    .filter((line) => !/^[#;]/.test(line))
    .join('\n')
    .replace(/\\\n/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1).trim());
}

/** Words, with quotes, C escapes and specifiers taken away; a specifier that is none of ours throws. */
export function wordsOf(value: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at] as string;
    if (character === '\\') {
      const escaped = value[(at += 1)] ?? '';
      if (!/[\\"']/.test(escaped)) throw new Error(`unknown escape \\${escaped} in ${value}`);
      word = (word ?? '') + escaped;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') throw new Error(`unbalanced quote in ${value}`);
  if (word !== undefined) words.push(word);
  return words.map(withoutSpecifiers);
}

export function withoutSpecifiers(text: string): string {
  return text.replace(/%(.?)/g, (whole, letter: string) => {
    if (letter !== '%') throw new Error(`found the specifier ${whole} in ${text}`);
    return '%';
  });
}

/** Arguments after the environment was put in: `$$` is a dollar, anything else would be a variable. */
export function withoutVariables(argument: string): string {
  return argument.replace(/\$(.?)/g, (whole, letter: string) => {
    if (letter !== '$') throw new Error(`found the variable ${whole} in ${argument}`);
    return '$';
  });
}
