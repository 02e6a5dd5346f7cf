// SPDX-License-Identifier: Apache-2.0
// Descriptions are Markdown. Written by hand because what is needed is small and what must never happen is large: no HTML, no
// picture, no address but http, https and mailto ever reaches the page; what is not understood stays the text that it is.
import { Fragment, ReactNode } from "react";

const inline = /(`+)(.+?)\1|\*\*(.+?)\*\*|__(.+?)__|\*(\S(?:.*?\S)?)\*|(?<![\w])_(\S(?:.*?\S)?)_(?![\w])|~~(.+?)~~|!?\[([^\]]*)\]\(\s*<?([^\s)>]+)>?[^)]*\)|(https?:\/\/[^\s<>"')\]]+[^\s<>"')\].,;:!?])/;

/** Only addresses that lead somewhere; anything else ("javascript:…") is none. */
export const safeAddress = (address: string): string | undefined => (/^(https?:\/\/|mailto:|\/(?!\/)|#)/i.test(address) ? address : undefined);

const anchor = (address: string, text: ReactNode) => {
  const href = safeAddress(address);
  return href ? <a href={href} rel="noreferrer noopener" target={/^[/#]/.test(href) ? undefined : "_blank"}>{text}</a> : <>{text}</>;
};

export function inlineMarkdown(text: string): ReactNode {
  const parts: ReactNode[] = [];
  let rest = text;
  for (let found = inline.exec(rest); found; found = inline.exec(rest)) {
    const [whole, , code, bold, bold2, italic, italic2, strike, title, address, bare] = found;
    if (found.index) parts.push(rest.slice(0, found.index));
    if (code !== undefined) parts.push(<code>{code.trim()}</code>);
    else if (bold ?? bold2) parts.push(<strong>{inlineMarkdown(bold ?? bold2)}</strong>);
    else if (italic ?? italic2) parts.push(<em>{inlineMarkdown(italic ?? italic2)}</em>);
    else if (strike) parts.push(<s>{inlineMarkdown(strike)}</s>);
    else if (address) parts.push(anchor(address, title || address));
    else parts.push(anchor(bare, bare));
    rest = rest.slice(found.index + whole.length);
  }
  if (rest) parts.push(rest);
  return <>{parts.map((part, index) => <Fragment key={index}>{part}</Fragment>)}</>;
}

/** The first line without its marks, for where there is room for one. */
export const plainText = (text: string): string => text.trim().split("\n")[0].replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*_`~]{1,3}(\S(?:.*?\S)?)[*_`~]{1,3}/g, "$1").replace(/^#+\s*/, "");

interface Block { kind: "code" | "heading" | "list" | "quote" | "table" | "rule" | "text"; lines: string[]; level?: number; ordered?: boolean }

const starts = /^\s*(```|~~~|#{1,6}\s|[-*+]\s|\d+[.)]\s|>|\|)/;
const item = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

/** Takes the lines from `at` on that fit; returns where the rest begins. */
function take(lines: string[], at: number, fits: (line: string, index: number) => boolean): number {
  let end = at;
  while (end < lines.length && fits(lines[end], end)) end++;
  return end;
}

export function blocksOf(text: string): Block[] {
  const lines = text.replace(/\r/g, "").split("\n"), blocks: Block[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at], fence = /^\s*(```|~~~)/.exec(line), heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line), listed = item.exec(line);
    let end = at + 1;
    if (!line.trim()) { at = end; continue; }
    if (fence) {
      end = take(lines, end, (one) => !one.trim().startsWith(fence[1]));
      blocks.push({ kind: "code", lines: lines.slice(at + 1, end) });
      end++;
    } else if (heading) blocks.push({ kind: "heading", lines: [heading[2]], level: heading[1].length });
    else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) blocks.push({ kind: "rule", lines: [] });
    else if (listed) {
      end = take(lines, end, (one) => item.test(one) || (/^\s+\S/.test(one) && !/^\s*(```|~~~)/.test(one)));
      blocks.push({ kind: "list", lines: lines.slice(at, end), ordered: /\d/.test(listed[2]) });
    } else if (line.trim().startsWith(">")) {
      end = take(lines, end, (one) => one.trim().startsWith(">"));
      blocks.push({ kind: "quote", lines: lines.slice(at, end).map((one) => one.replace(/^\s*>\s?/, "")) });
    } else if (line.trim().startsWith("|")) {
      end = take(lines, end, (one) => one.trim().startsWith("|"));
      blocks.push({ kind: "table", lines: lines.slice(at, end) });
    } else {
      end = take(lines, end, (one) => Boolean(one.trim()) && !starts.test(one));
      blocks.push({ kind: "text", lines: lines.slice(at, end) });
    }
    at = end;
  }
  return blocks;
}

const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function List({ lines, ordered }: Block) {
  const items: { text: string; depth: number }[] = [];
  lines.forEach((line) => {
    const found = item.exec(line);
    if (found) items.push({ text: found[3], depth: Math.floor(found[1].length / 2) });
    else if (items.length) items[items.length - 1].text += ` ${line.trim()}`;
  });
  const shown = items.map(({ text, depth }, index) => <li key={index} style={depth ? { marginLeft: `${depth}em` } : undefined}>{inlineMarkdown(text)}</li>);
  return ordered ? <ol>{shown}</ol> : <ul>{shown}</ul>;
}

function Table({ lines }: Block) {
  const rows = lines.filter((line) => !/^[\s|:-]+$/.test(line)).map(cells);
  return (
    <div className="scroll"><table className="list">
      <thead><tr>{rows[0]?.map((cell, index) => <th key={index} scope="col">{inlineMarkdown(cell)}</th>)}</tr></thead>
      <tbody>{rows.slice(1).map((row, at) => <tr key={at}>{row.map((cell, index) => <td key={index}>{inlineMarkdown(cell)}</td>)}</tr>)}</tbody>
    </table></div>
  );
}

function One({ block }: { block: Block }) {
  if (block.kind === "code") return <pre className="json">{block.lines.join("\n")}</pre>;
  if (block.kind === "heading") {
    // Below the title of the page, one deeper than written.
    const Heading = `h${Math.min(6, (block.level ?? 1) + 1)}` as "h2";
    return <Heading>{inlineMarkdown(block.lines[0])}</Heading>;
  }
  if (block.kind === "list") return <List {...block} />;
  if (block.kind === "table") return <Table {...block} />;
  if (block.kind === "quote") return <blockquote><Markdown text={block.lines.join("\n")} /></blockquote>;
  return block.kind === "rule" ? <hr /> : <p>{inlineMarkdown(block.lines.join("\n"))}</p>;
}

export const Markdown = ({ text }: { text: string }) => (
  <div className="markdown">{blocksOf(text).map((block, index) => <One key={index} block={block} />)}</div>
);
