// SPDX-License-Identifier: Apache-2.0
// Text as a terminal shows it: ANSI colours, and addresses as links.
import { CSSProperties, Fragment, ReactNode } from "react";

// eslint-disable-next-line no-control-regex
const escapes = /\x1b(?:\[([0-9;]*)m|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const linkPattern = /\b(?:https?:\/\/[^\s<>"'`\x00-\x1f]*[^\s<>"'`.,;:!?)\]}\x00-\x1f])/g; // eslint-disable-line no-control-regex

export const plainText = (text: string) => (text.includes("\x1b") ? text.replace(escapes, "") : text);

interface Style { bold?: boolean; faint?: boolean; italic?: boolean; underline?: boolean; ink?: string; ground?: string }
const named = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Colour n of the 256. */
function paletteColour(n: number): string {
  if (n < 16) return `var(--ansi-${named[n % 8]})`;
  if (n > 231) return `rgb(${Array(3).fill(8 + 10 * (n - 232)).join()})`;
  const level = (step: number) => (step ? 55 + 40 * step : 0), at = n - 16;
  return `rgb(${level(Math.floor(at / 36))},${level(Math.floor(at / 6) % 6)},${level(at % 6)})`;
}

function styled(style: Style, codes: number[]): Style {
  let next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.faint = undefined;
    else if (code === 23) next.italic = undefined;
    else if (code === 24) next.underline = undefined;
    else if (code === 39) next.ink = undefined;
    else if (code === 49) next.ground = undefined;
    else if (code === 38 || code === 48) {
      const colour = codes[i + 1] === 5 ? paletteColour(codes[i + 2] ?? 0) : codes[i + 1] === 2 ? `rgb(${codes.slice(i + 2, i + 5).join()})` : undefined;
      i += codes[i + 1] === 5 ? 2 : 4;
      next = code === 38 ? { ...next, ink: colour } : { ...next, ground: colour };
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) next.ink = paletteColour((code % 10) % 8);
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) next.ground = paletteColour((code % 10) % 8);
  }
  return next;
}

const css = (style: Style): CSSProperties => ({
  color: style.ink, backgroundColor: style.ground, fontWeight: style.bold ? 700 : undefined, opacity: style.faint ? 0.75 : undefined,
  fontStyle: style.italic ? "italic" : undefined, textDecoration: style.underline ? "underline" : undefined,
});

/** Marks what is searched for. */
function marked(text: string, search: string): ReactNode {
  if (!search) return text;
  const parts: ReactNode[] = [], small = text.toLowerCase(), wanted = search.toLowerCase();
  let from = 0;
  for (let at = small.indexOf(wanted); at >= 0; at = small.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}

function linked(text: string, search: string): ReactNode {
  const parts: ReactNode[] = [];
  let from = 0;
  for (const match of text.matchAll(linkPattern)) {
    parts.push(<Fragment key={`t${from}`}>{marked(text.slice(from, match.index), search)}</Fragment>,
               <a key={match.index} href={match[0]} target="_blank" rel="noopener noreferrer">{marked(match[0], search)}</a>);
    from = (match.index ?? 0) + match[0].length;
  }
  return parts.length ? [...parts, <Fragment key="end">{marked(text.slice(from), search)}</Fragment>] : marked(text, search);
}

export function TerminalText({ text, search = "" }: { text: string; search?: string }) {
  if (!text.includes("\x1b")) return <>{linked(text, search)}</>;
  const parts: ReactNode[] = [];
  let style: Style = {}, from = 0;
  const add = (to: number) => { if (to > from) parts.push(<span key={from} style={css(style)}>{linked(text.slice(from, to), search)}</span>); };
  for (const match of text.matchAll(escapes)) {
    add(match.index ?? 0);
    from = (match.index ?? 0) + match[0].length;
    if (match[0].endsWith("m") && match[0][1] === "[") style = styled(style, (match[1] || "0").split(";").map(Number));
  }
  add(text.length);
  return <>{parts}</>;
}
