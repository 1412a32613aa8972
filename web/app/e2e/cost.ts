import type {CDPSession} from '@playwright/test';

/** What a page has cost so far. */
export interface Cost {
  /** Seconds of CPU of its main thread. */
  cpu: number;
  /** Bytes of JavaScript's heap, after a collection. */
  heap: number;
  nodes: number;
}

/** Measures a page. CPU counts, not time: other processes of the machine do not add to it. */
export async function cost(session: CDPSession): Promise<Cost> {
  await session.send('Performance.enable', {timeDomain: 'threadTicks'});
  const {metrics: early} = await session.send('Performance.getMetrics'); // before the collection, which costs something itself
  await session.send('HeapProfiler.collectGarbage');
  const {metrics} = await session.send('Performance.getMetrics');
  const value = (all: typeof metrics, wanted: string) => all.find(({name}) => name === wanted)!.value;
  return {cpu: value(early, 'TaskDuration'), heap: value(metrics, 'JSHeapUsedSize'), nodes: value(metrics, 'Nodes')};
}
