import type {ChatRow} from '@studychat/client';
import {useStudychat, useViewer} from '@studychat/client/react';
import {useCallback, useEffect, useMemo, useRef, useState} from 'react';
import {Virtualizer, type VirtualizerHandle} from 'virtua';
import {useMinute, useStore} from '../hooks.ts';
import {strings} from '../strings.ts';
import {Brand} from '../ui/Brand.tsx';
import {Icon} from '../ui/Icon.tsx';
import {useChatActions} from './actions.ts';
import {ChatItem} from './ChatItem.tsx';
import {Modules} from './Modules.tsx';
import {NewChat} from './NewChat.tsx';
import {Rename} from './Rename.tsx';
import {rowsOf} from './rows.ts';
import {You} from './You.tsx';

/** The list of chats, and what one does with them. */
export function Sidebar({openChat, creating, setCreating}: {openChat: string | undefined; creating: boolean; setCreating: (on: boolean) => void}) {
  const client = useStudychat();
  const [moduleId, setModuleId] = useState<string | null>(null);
  const [search, setSearch] = useState('');
  const [archived, setArchived] = useState(false);
  const [renaming, setRenaming] = useState<ChatRow>();
  const store = client.chats(moduleId ? {moduleId} : undefined);
  const snapshot = useStore(store);
  const viewer = useViewer();
  const now = useMinute(client.now);
  const {actions, hidden} = useChatActions(store, openChat, client.now, setRenaming);
  const rows = useMemo(() => rowsOf(snapshot.chats, {search, archived, hidden}), [snapshot.chats, search, archived, hidden]);
  const archivedCount = useMemo(() => snapshot.chats.filter(chat => chat.viewerState.archivedAt).length, [snapshot.chats]);

  const list = useRef<VirtualizerHandle>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const loadWhenNear = useCallback(() => {
    const handle = list.current;
    if (handle && handle.scrollSize - handle.scrollOffset - handle.viewportSize < 600) void store.loadMore();
  }, [store]);
  const {hasMore, isLoadingMore, isLoading, error} = snapshot;
  useEffect(() => {
    // A search by title needs all titles, and a short list has no scroll bar that would ask for more.
    if (hasMore && !isLoadingMore && !error && (search.trim() || (scroller.current && scroller.current.scrollHeight <= scroller.current.clientHeight))) void store.loadMore();
  }, [hasMore, isLoadingMore, error, search, rows.length, store]);

  return (
    <nav className="sidebar" aria-label={strings.chats}>
      <header>
        <Brand />
        <button type="button" className="icon-button accent" aria-label={strings.newChat} title={strings.newChat} onClick={() => setCreating(true)}><Icon name="add" /></button>
      </header>
      <div className="filters">
        <label className="search">
          <Icon name="search" />
          <input type="search" aria-label={strings.search} placeholder={strings.search} value={search} onChange={event => setSearch(event.target.value)} />
        </label>
        <Modules value={moduleId} onChange={setModuleId} />
      </div>
      {archived ? <button type="button" className="back-row" onClick={() => setArchived(false)}><Icon name="back" />{strings.archived}</button> : null}
      <div ref={scroller} className="chat-list" tabIndex={-1}>
        {isLoading && rows.length === 0 ? <Skeleton /> : null}
        {error && rows.length === 0 ? <p className="note">{error.message} <button type="button" className="link" onClick={store.reload}>{strings.tryAgain}</button></p> : null}
        {!isLoading && !error && rows.length === 0 ? <Nothing search={search.trim()} archived={archived} loading={hasMore} /> : null}
        <Virtualizer ref={list} scrollRef={scroller} onScroll={loadWhenNear} itemSize={64}>
          {rows.map(row => 'heading' in row
            ? <h2 key={row.key} className="heading" dir="auto">{row.heading}</h2>
            : <ChatItem key={row.key} chat={row.chat} open={row.chat.id === openChat} viewerId={viewer?.id} now={now} actions={actions} />)}
        </Virtualizer>
        {search.trim() && isLoadingMore ? <p className="note">{strings.searching}</p> : null}
      </div>
      {!archived && archivedCount > 0 ? <button type="button" className="archive-row" onClick={() => setArchived(true)}><Icon name="archive" />{strings.showArchived(archivedCount)}</button> : null}
      <You />
      {creating ? <NewChat store={store} moduleId={moduleId} close={() => setCreating(false)} /> : null}
      {renaming ? <Rename title={renaming.title} rename={title => store.renameChat(renaming.id, title)} close={() => setRenaming(undefined)} /> : null}
    </nav>
  );
}

function Nothing({search, archived, loading}: {search: string; archived: boolean; loading: boolean}) {
  if (loading) return <p className="note">{strings.searching}</p>;
  if (search) return <p className="note">{strings.nothingFound(search)}</p>;
  if (archived) return <p className="note">{strings.noArchived}</p>;
  return <div className="note"><strong>{strings.noChats}</strong><br />{strings.noChatsText}</div>;
}

function Skeleton() {
  return <div className="skeleton" role="status" aria-label={strings.loadingChats}>{[0, 1, 2, 3, 4].map(i => <i key={i} />)}</div>;
}
