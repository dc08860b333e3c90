// A child for childProcess.test.ts: answers with what it was asked, or ends.
process.on('message', (question: { end?: number; say?: string }) => {
  if (question.end !== undefined) process.exit(question.end);
  process.send!({ said: question.say, args: process.argv.slice(2) });
});
process.on('disconnect', () => process.exit());
