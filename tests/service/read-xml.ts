/** A strict reader of the XML that the service definitions use: elements, attributes, text, comments, one prolog. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** Text of its own, without its children's. */
  text: string;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function readXml(source: string): XmlElement {
  const top: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  const token =
    /<\?[^?]*\?>|<!DOCTYPE [^>[]*>|<!--(?:(?!--)[^])*-->|<(\/?)([\w:]+)((?:\s+[\w:]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;
  while (token.lastIndex < source.length) {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (!match) throw new Error(`not well-formed at ${JSON.stringify(source.slice(at, at + 60))}`);
    const [, closing, name, attributes = '', empty, text] = match;
    const parent = open.at(-1) as XmlElement;
    if (text !== undefined) parent.text += decode(text);
    if (name === undefined) continue;
    if (closing) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const element: XmlElement = { name, attributes: {}, children: [], text: '' };
    for (const [, key = '', value = ''] of attributes.matchAll(/([\w:]+)="([^"]*)"/g))
      element.attributes[key] = decode(value);
    parent.children.push(element);
    if (!empty) open.push(element);
  }
  if (open.length !== 1 || top.children.length !== 1 || top.text.trim() !== '') throw new Error('not one element');
  return top.children[0] as XmlElement;
}

/** The first element of this name, at any depth. */
export function find(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) return element;
  for (const child of element.children) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}

/** A plist's value. */
export function plistValue(element: XmlElement): unknown {
  if (element.name === 'plist') return plistValue(element.children[0] as XmlElement);
  if (element.name === 'array') return element.children.map(plistValue);
  if (element.name === 'string') return element.text;
  if (element.name === 'integer') return Number(element.text);
  if (element.name === 'true' || element.name === 'false') return element.name === 'true';
  if (element.name !== 'dict') throw new Error(`found <${element.name}> in a plist`);
  const pairs: [string, unknown][] = [];
  for (let n = 0; n < element.children.length; n += 2) {
    const [key, value] = element.children.slice(n, n + 2);
    if (key?.name !== 'key' || !value) throw new Error('a dict without its key or value');
    pairs.push([key.text, plistValue(value)]);
  }
  return Object.fromEntries(pairs);
}

function decode(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters XML cannot hold
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text))
    throw new Error('a character that XML cannot hold');
  return text.replace(/&(\w+;|)/g, (whole, entity: string) => {
    const character = ENTITIES[entity.slice(0, -1)];
    if (character === undefined) throw new Error(`unknown entity ${whole}`);
    return character;
  });
}
