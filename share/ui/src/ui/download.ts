// SPDX-License-Identifier: Apache-2.0
/** Hands a file that was made here to the viewer. */
export function download(content: Blob, name: string): void {
  const address = URL.createObjectURL(content), link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser has read it when the click's work is done.
  setTimeout(() => URL.revokeObjectURL(address), 0);
}
