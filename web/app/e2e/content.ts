import type {Server} from './server.ts';

const people = ['ann', 'ben', 'carla'];

const lessons = {
  question: 'I get the definition, but not the *picture*. If $A$ is a matrix and $v$ is not zero, what does\n\n$$A v = \\lambda v$$\n\nsay about where $v$ points?',
  answer: 'It says that $A$ does not turn $v$: it only makes it longer or shorter. For a $2 \\times 2$ matrix the characteristic polynomial has at most two roots,\n\n$$\\det(A - \\lambda I) = \\lambda^2 - \\operatorname{tr}(A)\\,\\lambda + \\det(A) = 0,$$\n\nso there are at most two such directions, unless $A$ is a multiple of $I$.',
  code: 'I checked it with numpy:\n\n```python\nimport numpy as np\n\nA = np.array([[2, 1], [1, 2]])\nvalues, vectors = np.linalg.eigh(A)  # symmetric: real eigenvalues\nfor value, vector in zip(values, vectors.T):\n    assert np.allclose(A @ vector, value * vector)\nprint(values)  # [1. 3.]\n```\n\nThe vectors are `[1, -1]` and `[1, 1]`, up to their length.',
  table: 'Three ways to see it:\n\n| view | what is an eigenvector? |\n|---|---|\n| geometry | a direction that is kept |\n| algebra | a vector in the kernel of $A - \\lambda I$ |\n| dynamics | a state that only grows or decays |\n\nFor the exam you need the second one. See https://en.wikipedia.org/wiki/Eigenvalues for the rest.',
};

/** Fills a server with what a study group might have written, and returns the chat with most of it. */
export async function fill(server: Server): Promise<string> {
  const modules: [string, string][] = [['linear-algebra', 'Linear algebra'], ['databases', 'Databases'], ['german', 'German B2']];
  for (const [moduleId, title] of modules) {
    await server.graphql('ann', 'mutation($i: PutModuleInput!) { putModule(input: $i) { module { id } } }', {i: {moduleId, title, content: `# ${title}`}});
  }
  for (const user of ['ben', 'carla', 'tutor']) await server.graphql(user, '{ viewer { id } }');
  const chats: [string, string | undefined, string, string][] = [
    ['Verbs with prepositions', 'german', 'carla', 'warten **auf** + Akkusativ, I always forget it'],
    ['Reading list for the seminar', undefined, 'ben', 'I put the two papers into the shared folder.'],
    ['B-trees, and why they are wide', 'databases', 'ben', 'A page of 8 KB holds hundreds of keys, so three levels are enough.'],
    ['Isolation levels', 'databases', 'carla', 'Does `SERIALIZABLE` really cost that much?'],
    ['Exercise sheet 7', 'linear-algebra', 'ann', 'I am stuck at 7.3'],
  ];
  for (const [title, moduleId, author, text] of chats) {
    const id = await server.chat(title, people, moduleId);
    await server.send(author, id, text);
    const state = title === 'Reading list for the seminar' ? {pinned: true} : title === 'Verbs with prepositions' ? {mutedUntil: '2099-01-01T00:00:00Z'} : {};
    if (Object.keys(state).length) await server.graphql('ann', 'mutation($i: UpdateViewerStateInput!) { updateViewerState(input: $i) { chat { id } } }', {i: {chatId: id, ...state}});
  }
  const old = await server.chat('Last term: calculus', people, 'linear-algebra');
  await server.send('ann', old, 'We passed!');
  await server.graphql('ann', 'mutation($i: UpdateViewerStateInput!) { updateViewerState(input: $i) { chat { id } } }', {i: {chatId: old, archived: true}});

  const main = await server.chat('Eigenvalues and eigenvectors', [...people, 'tutor'], 'linear-algebra');
  await server.send('ann', main, 'Does anybody else find this chapter hard?');
  await server.send('ben', main, 'Yes. Especially the part about diagonalisation.');
  const question = await server.send('ann', main, lessons.question);
  await server.send('tutor', main, lessons.answer, {role: 'ASSISTANT', replyToId: question});
  await server.send('ben', main, lessons.code);
  const wrong = await server.send('carla', main, 'So the eigenvalues are 1 and 2?');
  await server.graphql('carla', 'mutation($i: DeleteMessageInput!) { deleteMessage(input: $i) { message { id } } }', {i: {messageId: wrong}});
  const fixed = await server.send('carla', main, 'So the eigenvalues are 1 and 4?');
  await server.graphql('carla', 'mutation($i: EditMessageInput!) { editMessage(input: $i) { message { id } } }', {i: {messageId: fixed, content: 'So the eigenvalues are 1 and 3?'}});
  await server.send('ann', main, 'Right 🎉 And their sum is the trace, $1 + 3 = 2 + 2$.', {replyToId: fixed});
  await server.send('tutor', main, lessons.table, {role: 'ASSISTANT'});
  return main;
}
