// SPDX-License-Identifier: Apache-2.0
// fetch() does not tell how much of a body has been sent; XMLHttpRequest does.
import { ApiError, apiPath } from "./client";

function reasonOf({ status, responseText }: XMLHttpRequest): string {
  try {
    return (JSON.parse(responseText) as { message?: string }).message ?? responseText;
  } catch {
    return responseText || `The server answered ${status}.`; // a proxy's page
  }
}

/** `onProgress` hears from 0 to 1. */
export function upload<T>(path: string, form: FormData, onProgress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", apiPath + path);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    request.onerror = () => reject(new ApiError(0, "The server cannot be reached."));
    request.onload = () => {
      if (request.status < 200 || request.status > 299) reject(new ApiError(request.status, reasonOf(request)));
      else resolve(JSON.parse(request.responseText || "null") as T);
    };
    request.send(form);
  });
}
