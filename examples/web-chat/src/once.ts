/** Work that many events ask for at once. */

/** Whatever asks while it is under way is answered by doing it once more: it is never done twice at a time, nor once for each. */
export function onceAtATime(work: () => Promise<void>): () => void {
  let running = false;
  let asked = false;
  return () => {
    asked = true;
    if (!running) void run();
  };
  async function run(): Promise<void> {
    running = true;
    while (asked) {
      asked = false;
      // What fails here is asked for again by the next event.
      await work().catch(() => undefined);
    }
    running = false;
  }
}
