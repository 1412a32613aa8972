import type {Studychat} from '@studychat/client';
import {useEffect, useState} from 'react';

/** A study module, as a choice. */
export interface ModuleChoice {
  id: string;
  title: string;
}

const most = 500; // modules in a menu

/** The study modules. An error leaves the list empty: chats work without it. */
export function useModules(client: Studychat, again: unknown): ModuleChoice[] {
  const [modules, setModules] = useState<ModuleChoice[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    readAll(client, stop.signal).then(setModules, () => {});
    return () => stop.abort();
  }, [client, again]);
  return modules;
}

interface Answer {
  modules: {nodes: ModuleChoice[]; pageInfo: {hasNextPage: boolean; endCursor: string | null}};
}

const query = 'query Modules($after: String) { modules(first: 100, after: $after) { nodes { id title } pageInfo { hasNextPage endCursor } } }';

async function readAll(client: Studychat, signal: AbortSignal): Promise<ModuleChoice[]> {
  const all: ModuleChoice[] = [];
  for (let after: string | null = null; all.length < most;) {
    const {modules}: Answer = await client.request<Answer>(query, {after}, {signal});
    all.push(...modules.nodes);
    if (!modules.pageInfo.hasNextPage) break;
    after = modules.pageInfo.endCursor;
  }
  return all;
}
