import {describe, expect, it} from 'vitest';
import {bytes, codeText, duration, lags, operationText, operationTexts, queueText, transportText, type Connection, type Operation} from './snapshot.ts';

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
    expect(operationText(operation)).toBe('Watch (1): chat c, at 2.1.7.x, up to date');
    expect(operationText({...operation, behind: 1, name: ''})).toBe('(1): chat c, at 2.1.7.x, 1 event behind');
    expect(operationText({...operation, chatId: '', chats: 2, waiting: 1, id: '', name: ''})).toBe('subscription: feed of 2 chats, 1 with news');
    expect(operationText({...operation, subscription: false, name: ''})).toBe('(1): runs for 5 s');
  });
  it('counts what is not shown', () => { expect(operationTexts({...connection, operationCount: 12}).at(-1)).toBe('and 11 more'); });
  it('marks what lags', () => {
    expect(lags(connection)).toBe(false);
    expect(lags({...connection, operations: [{...operation, behind: 1}]})).toBe(true);
  });
  it('has a dash for a stream without a code', () => {
    expect(codeText({code: 0, byClient: false, reason: '', endedAt: ''})).toBe('–');
    expect([transportText('sse'), transportText('new')]).toEqual(['Event stream', 'new']);
  });
});
