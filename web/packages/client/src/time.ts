/** How long to wait before attempt number `attempts` + 1: anything up to 1, 2, 4 … 30 s, so that clients do not come back all at once. */
export function backOff(attempts: number): number {
  return Math.random() * Math.min(1000 * 2 ** attempts, 30_000)
}

/** A UUID of version 4, also on pages without https, where there is no crypto.randomUUID. */
export function uuid(): string {
  if (crypto.randomUUID) return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Calls a function at most once per `ms`: now, or at the end of that time. */
export function paced(does: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = false
  return () => {
    if (timer !== undefined) { asked = true; return }
    does()
    timer = setTimeout(function end() {
      timer = undefined
      if (!asked) return
      asked = false
      does()
      timer = setTimeout(end, ms)
    }, ms)
  }
}
