// SPDX-License-Identifier: Apache-2.0
// The one way to the server: requests, streams, and what an answer that is no success says.
const uiPath = document.querySelector<HTMLMetaElement>('meta[name="ui-path"]')?.content ?? "./";
/** Where the interface is served from, "/ui/"; the API stands beside it. */
export const base = uiPath.startsWith("/") ? uiPath : "/ui/";
export const apiPath = base.replace(/ui\/$/, "api/v1");

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { message?: string };
    return new ApiError(response.status, body.message ?? text);
  } catch {
    // Not JSON: a proxy's page, or an empty body. The text is what there is to show.
    return new ApiError(response.status, text || `${response.status} ${response.statusText}`);
  }
}

export async function request(method: string, path: string, body?: BodyInit, type?: string, more: Record<string, string> = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...more };
  if (type) headers["Content-Type"] = type;
  const response = await fetch(apiPath + path, { method, body, headers, credentials: "same-origin" });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function parsed<T>(response: Response): Promise<T> {
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export type Query = Record<string, string | number | boolean | string[] | undefined>;

/** `?a=1&b=2`, without what is undefined or empty. */
export function queryText(parameters: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) value.forEach((one) => search.append(name, one));
    else if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

/** Path segments, encoded and joined. */
export const at = (...segments: string[]) => segments.map(encodeURIComponent).join("/");

export const get = async <T>(path: string, query: Query = {}) => parsed<T>(await request("GET", path + queryText(query)));

export const send = async <T = void>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown) =>
  parsed<T>(await request(method, path, body === undefined ? undefined : JSON.stringify(body),
                          body === undefined ? undefined : "application/json"));

export const sendYaml = async <T>(method: "POST" | "PUT", path: string, source: string) =>
  parsed<T>(await request(method, path, source, "application/x-yaml"));

/** Multipart; the browser makes the content type. */
export const sendForm = async <T>(method: "POST" | "PUT", path: string, form: FormData) => parsed<T>(await request(method, path, form));

export const getText = async (path: string, query: Query = {}) => (await request("GET", path + queryText(query))).text();

export interface StreamEvents<T> {
  onData: (data: T) => void;
  /** Before the first event of each connection: what came over an earlier one comes again. */
  onOpen?: () => void;
  onEnd?: () => void;
}

/** Server-sent events until they end, or until the returned function is called. EventSource reconnects by itself. */
export function follow<T>(path: string, events: StreamEvents<T>): () => void {
  const source = new EventSource(apiPath + path, { withCredentials: true });
  source.onopen = () => events.onOpen?.();
  source.onmessage = (event) => {
    if (event.data && event.data !== "{}") events.onData(JSON.parse(event.data) as T);
    if (event.lastEventId !== "end") return;
    source.close();
    events.onEnd?.();
  };
  return () => source.close();
}
