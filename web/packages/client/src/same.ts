/** Whether two values of JSON are equal: then the known object stays, and nothing is drawn again. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
}
