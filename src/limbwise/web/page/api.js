// The server as the page sees it: one method a request, errors as sentences, the key asked for once when the server wants one.

/** What went wrong, as a sentence for people; `status` is HTTP's, 0 where the server did not answer. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const GONE = "The server does not answer. Is limbwise serve still running?";
const KEY = "limbwise.key";

/** `askKey(again)` resolves to the key that a person typed, or to null where they did not want to. */
export class Api {
  constructor(askKey) {
    this.askKey = askKey;
  }

  /** {models: [{name, skeleton, size}], default}. */
  async models() {
    return (await this.#request("GET", "v1/models")).json();
  }

  /** The people of an image file, as an answer whose body is what `format` says. */
  people(image, query, signal) {
    return this.#request("POST", "v1/people", { query, body: image, signal });
  }

  /** Send a clip; {job, state}. `onProgress` gets the share that is sent, 0 to 1. */
  async video(clip, query, onProgress, signal) {
    return JSON.parse(await this.#keyed(() => this.#upload(this.#url("v1/video", query), clip, onProgress, signal)));
  }

  /** {job, state, frames, total, error}. */
  async job(id, signal) {
    return (await this.#request("GET", `v1/jobs/${encodeURIComponent(id)}`, { signal })).json();
  }

  result(id, format, signal) {
    return this.#request("GET", `v1/jobs/${encodeURIComponent(id)}/result`, { query: { format }, signal });
  }

  /** Stop a job and forget it. It may be gone already, and nobody waits for the answer. */
  async forget(id) {
    await this.#request("DELETE", `v1/jobs/${encodeURIComponent(id)}`, { keepalive: true }).catch(() => {});
  }

  /** A WebSocket that takes frames. */
  stream(query) {
    const url = this.#url("v1/stream", { ...query, key: storedKey() });
    url.protocol = url.protocol.replace("http", "ws");
    return new WebSocket(url);
  }

  #url(path, query = {}) {
    const url = new URL(path, document.baseURI);
    for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  #request(method, path, { query, body, signal, keepalive } = {}) {
    return this.#keyed(async () => {
      const options = { method, body, signal, keepalive, headers: keyHeader() };
      const answer = await fetch(this.#url(path, query), options).catch((error) => {
        throw error.name === "AbortError" ? error : new ApiError(GONE, 0);
      });
      if (!answer.ok) throw new ApiError(sentence(await answer.text(), answer.status), answer.status);
      return answer;
    });
  }

  /** Try, and try again with a key as long as the server wants one and a person gives one. */
  async #keyed(attempt) {
    for (let again = false; ; again = true) {
      try {
        return await attempt();
      } catch (error) {
        if (error.status !== 401) throw error;
        const key = await this.askKey(again);
        if (key === null) throw error;
        storeKey(key);
      }
    }
  }

  /** fetch() cannot tell how much is sent; this older way can. */
  #upload(url, clip, onProgress, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", url);
      for (const [name, value] of Object.entries(keyHeader())) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
      request.onerror = () => reject(new ApiError(GONE, 0));
      request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
      request.onload = () => {
        if (request.status < 300) resolve(request.responseText);
        else reject(new ApiError(sentence(request.responseText, request.status), request.status));
      };
      signal.addEventListener("abort", () => request.abort(), { once: true });
      request.send(clip);
    });
  }
}

/** The server's own words, or a sentence about the status where there are none. */
function sentence(text, status) {
  try {
    const { error } = JSON.parse(text);
    if (typeof error === "string") return error;
  } catch {
    // not JSON: an answer of something between the server and us
  }
  return { 401: "The server wants a key.", 413: "The file is too large for the server.", 503: "The server is busy. Try again soon." }[
    status
  ] ?? `The server answered with ${status}.`;
}

function storedKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off
  }
}

function storeKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // the key is asked for again next time
  }
}

function keyHeader() {
  const key = storedKey();
  return key === null ? {} : { "X-API-Key": key };
}
