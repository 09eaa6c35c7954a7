// One live connection: it says where the page stands, gets what is new, and comes back by itself.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const SILENCE = 45_000; // the server pings every 20 s

export class LiveSocket {
  // `cursor()` returns the last event number; `on` has events(list), resync() and connection("live" or "lost").
  constructor(path, cursor, on) {
    this.address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    this.cursor = cursor;
    this.on = on;
    this.wait = FIRST_WAIT;
    this.open();
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  open() {
    this.closed = false;
    this.socket = new WebSocket(this.address);
    this.socket.onopen = () => {
      this.wait = FIRST_WAIT;
      this.on.connection("live");
      this.socket.send(JSON.stringify({ after: this.cursor() }));
      this.listen();
    };
    this.socket.onmessage = (message) => {
      this.listen();
      const data = JSON.parse(message.data);
      if (data.resync) this.on.resync();
      else if (data.events) this.on.events(data.events);
    };
    this.socket.onclose = (event) => this.again(event.code);
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.socket.close(), SILENCE);
  }

  again(code) {
    clearTimeout(this.silence);
    if (this.closed || code === 4403) return;
    this.on.connection("lost");
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    this.socket.close();
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Do `action` until it succeeds, waiting longer after each time it does not; `failed()` hears of those.
export async function insist(action, failed) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await action();
    } catch (error) {
      console.warn("not refreshed", error);
      failed();
      await pause(wait);
    }
  }
}

// Call `action` at once and then at most every `gap` milliseconds, never twice at a time, and once more after the last ask.
export function paced(action, gap) {
  let due = false;
  let busy = false;
  return async function ask() {
    due = true;
    if (busy) return;
    busy = true;
    while (due) {
      due = false;
      try {
        await action();
      } catch (error) {
        console.warn("not refreshed", error);
      }
      await pause(gap);
    }
    busy = false;
  };
}
