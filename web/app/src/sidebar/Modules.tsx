import {useStudychat, useViewer} from '@studychat/client/react';
import {strings} from '../strings.ts';
import {Icon} from '../ui/Icon.tsx';
import {useModules} from './modules.ts';

/** Chooses the module whose chats are shown; nothing while there are no modules. */
export function Modules({value, onChange}: {value: string | null; onChange: (id: string | null) => void}) {
  const modules = useModules(useStudychat(), useViewer()?.id);
  if (modules.length === 0) return null;
  return (
    <span className="select">
      <select aria-label={strings.filterByModule} value={value ?? ''} onChange={event => onChange(event.target.value || null)}>
        <option value="">{strings.allModules}</option>
        {modules.map(({id, title}) => <option key={id} value={id}>{title}</option>)}
      </select>
      <Icon name="chevron" />
    </span>
  );
}
