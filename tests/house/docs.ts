/** The anchor that forges give a heading. */
export function headingAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

/**
 * Links of a markdown text that lead nowhere. `look` gives the text of a file beside it ('' for what is no markdown),
 * or undefined when it is not there. Links out of the project are not followed.
 */
export function findBrokenLinks(markdown: string, look: (target: string) => string | undefined): string[] {
  const prose = markdown.replace(/^(```+)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '``');
  const links = [...prose.matchAll(/\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1] ?? '');
  return links.filter((link) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return false;
    const [target = '', anchor] = link.split('#');
    const text = target === '' ? markdown : look(target);
    return text === undefined || (anchor !== undefined && !anchorsOf(text).includes(anchor));
  });
}

function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#{1,6} +(.*?)[ #]*$/gm)].map((match) => headingAnchor(match[1] ?? ''));
}

/** The table of rooms: rows `| room | … | rooms it imports |` of the table whose first column is headed `room`. */
export function readRoomsTable(markdown: string): Map<string, string[]> {
  const rooms = new Map<string, string[]>();
  let inside = false;
  for (const line of markdown.split('\n')) {
    const cells = line.startsWith('|') ? line.slice(1, line.lastIndexOf('|')).split('|') : [];
    const words = cells.map((cell) => cell.replaceAll('`', '').trim());
    if (words[0] === 'room') inside = true;
    else if (cells.length === 0) inside = false;
    else if (inside && !/^-+$/.test(words[0] ?? '-')) {
      const imports = words.at(-1) ?? '';
      rooms.set(words[0] ?? '', imports === '' || imports === 'nothing' ? [] : imports.split(/,\s*/));
    }
  }
  return rooms;
}
