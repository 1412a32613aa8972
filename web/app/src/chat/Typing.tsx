import type {ChatMember} from '@studychat/client';
import {strings} from '../strings.ts';

/** Who types. */
export function Typing({members, viewerId}: {members: readonly ChatMember[]; viewerId: string | undefined}) {
  const names = members.filter(member => member.typing && member.user.id !== viewerId).map(member => member.user.name);
  return (
    <div className="typing" role="status">
      {names.length > 0 ? <><span className="dots" aria-hidden="true"><i /><i /><i /></span><span dir="auto">{strings.typing(names)}</span></> : null}
    </div>
  );
}
