import {describe, expect, it} from 'vitest';
import {bytes, codeText, duration, endedTitle, openTitle, operationText, operationTexts, queueText, transportText, type Connection, type Operation, type Snapshot} from './snapshot.ts';

const operation: Operation = {id: '1', name: 'Watch', subscription: true, ageMs: 5000, chatId: 'c', cursor: '2.1.7.x', behind: 0, chats: 0, waiting: 0};
const connection: Connection = {
  number: 1, transport: 'websocket', user: 'ann', openedAt: '', ageMs: 0, queue: {frames: 0, bytes: 0, oldestMs: 0},
  operationCount: 1, operations: [operation], ending: null,
};

describe('what is said of a connection', () => {
  it('says durations with two units', () => {
    expect([-1, 999, 1000, 59_999, 60_000, 61_000, 3_600_000, 90_061_000].map(duration)).toEqual(['0 s', '0 s', '1 s', '59 s', '1 min', '1 min 1 s', '1 h', '1 d 1 h']);
  });
  it('says sizes', () => { expect([0, 1023, 1024, 65_536].map(bytes)).toEqual(['0 B', '1023 B', '1 KiB', '64 KiB']); });
  it('says what waits', () => {
    expect(queueText(connection)).toBe('empty');
    expect(queueText({...connection, queue: {frames: 2, bytes: 2048, oldestMs: 4000}})).toBe('2 KiB, for 4 s');
  });
  it('says how far an operation is', () => {
    expect(operationText(operation)).toEqual({name: 'Watch', lag: 'up to date', lags: false, place: ['chat c', 'cursor 2.1.7.x', 'operation 1']});
    expect(operationText({...operation, behind: 1, name: '', id: ''})).toEqual({name: 'Subscription', lag: '1 event behind', lags: true, place: ['chat c', 'cursor 2.1.7.x']});
    expect(operationText({...operation, chatId: '', chats: 2})).toMatchObject({lag: 'up to date', place: ['feed of 2 chats', 'cursor 2.1.7.x', 'operation 1']});
    expect(operationText({...operation, chatId: '', chats: 2, waiting: 2})).toMatchObject({lag: '2 chats have events waiting', lags: true});
    expect(operationText({...operation, subscription: false, name: ''})).toEqual({name: 'Query', lag: 'runs for 5 s', lags: false, place: ['operation 1']});
  });
  it('counts what is not shown', () => { expect(operationTexts({...connection, operationCount: 12}).at(-1)?.name).toBe('and 11 more'); });
  it('says how many are listed', () => {
    const some = (open: number, matching: number, total: number, ended: number): Snapshot =>
      ({at: '', total, matching, open: Array(open).fill(connection), ended: Array(ended).fill(connection)});
    expect([some(1, 1, 1, 0), some(1, 1, 3, 1), some(100, 1200, 5000, 200)].map(s => [openTitle(s), endedTitle(s)])).toEqual([
      ['1 open', 'None has ended yet'], ['1 open of 3', '1 has ended'], ['1,200 open of 5,000; the newest 100 are shown', 'The last 200 that ended'],
    ]);
  });
  it('has a dash for a stream without a code', () => {
    expect(codeText({code: 0, byClient: false, reason: '', endedAt: ''})).toBe('–');
    expect([transportText('sse'), transportText('new')]).toEqual(['Event stream', 'new']);
  });
});
