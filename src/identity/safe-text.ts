/** Longest piece of foreign text in a message; enough to recognise an id, too little to flood a log. */
const maxShownLength = 120;

/** Text from a peer, made fit for a log line: printable ASCII only, quotes and backslashes escaped, bounded. */
export function safeText(text: string): string {
  const cut = text.length > maxShownLength ? text.slice(0, maxShownLength) : text;
  const escaped = cut.replace(/[^\x20-\x7e]|["\\]/g, escapeOne);
  return cut.length === text.length ? escaped : `${escaped}…`;
}

function escapeOne(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
