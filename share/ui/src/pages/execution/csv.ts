// SPDX-License-Identifier: Apache-2.0
// Reads CSV (RFC 4180): quotes, doubled quotes, line breaks inside of quotes.

/** What stands most often between the fields of the first line. */
function separatorOf(text: string): string {
  const first = text.split("\n", 1)[0];
  return [",", ";", "\t", "|"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
}

export function readCsv(text: string, separator = separatorOf(text)): string[][] {
  const rows: string[][] = [];
  let row: string[] = [], field = "", quoted = false;
  const endField = () => { row.push(field); field = ""; };
  const endRow = () => { endField(); if (row.length > 1 || row[0] !== "") rows.push(row); row = []; };
  for (let i = 0; i < text.length; i++) {
    const one = text[i];
    if (quoted) {
      if (one !== '"') field += one;
      else if (text[i + 1] === '"') { field += '"'; i++; }
      else quoted = false;
    } else if (one === '"' && field === "") quoted = true;
    else if (one === separator) endField();
    else if (one === "\n") endRow();
    else if (one !== "\r") field += one;
  }
  endRow();
  return rows;
}
