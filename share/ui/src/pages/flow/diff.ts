// SPDX-License-Identifier: Apache-2.0
// Two texts side by side: equal lines face each other, changed ones too.
export interface DiffRow { left?: string; right?: string; leftLine?: number; rightLine?: number; same: boolean }

/** More line pairs than this are not compared one by one: the whole middle counts as changed. */
const comparedAtMost = 4_000_000;

/** Longest common subsequence of two lists, as pairs of indexes. */
function commonLines(left: string[], right: string[]): [number, number][] {
  if (left.length * right.length > comparedAtMost) return [];
  const width = right.length + 1;
  const lengths = new Uint32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      lengths[i * width + j] = left[i] === right[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i] === right[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i++;
    else j++;
  }
  return pairs;
}

export function diffLines(before: string, after: string): DiffRow[] {
  const left = before.split("\n"), right = after.split("\n"), rows: DiffRow[] = [];
  let start = 0, end = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  while (end < left.length - start && end < right.length - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  const pairs: [number, number][] = [];
  for (let i = 0; i < start; i++) pairs.push([i, i]);
  commonLines(left.slice(start, left.length - end), right.slice(start, right.length - end)).forEach(([i, j]) => pairs.push([i + start, j + start]));
  for (let i = end; i > 0; i--) pairs.push([left.length - i, right.length - i]);
  pairs.push([left.length, right.length]);
  let i = 0, j = 0;
  for (const [nextLeft, nextRight] of pairs) {
    for (; i < nextLeft || j < nextRight;) {
      const row: DiffRow = { same: false };
      if (i < nextLeft) { row.left = left[i++]; row.leftLine = i; }
      if (j < nextRight) { row.right = right[j++]; row.rightLine = j; }
      rows.push(row);
    }
    if (i < left.length && j < right.length) {
      rows.push({ left: left[i], right: right[j], leftLine: i + 1, rightLine: j + 1, same: true });
      i++;
      j++;
    }
  }
  return rows;
}
